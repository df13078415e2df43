import { IsthmusError, messageOf } from "#core/errors.ts";
import type { Control } from "#observe/views.ts";
import { smallBody } from "./body.ts";
import { type Refusal, refusalAnswer } from "./refusal.ts";

/** Breaks and mends things in a sandbox. Gives what became of it, for people; throws what a command would. */
export interface Controls {
  perform(control: Control): Promise<string>;
}

const MAX_REPLICAS = 50;
const MAX_RPS = 500;

/** POST /api/v1/controls, once it is known who asks. */
export async function controlAnswer(
  request: Request,
  options: { readonly controls: Controls; readonly onRefused: (refusal: Refusal) => void },
): Promise<Response> {
  const { controls, onRefused } = options;
  const refuse = (refusal: Refusal): Response => {
    onRefused(refusal);
    return refusalAnswer(refusal);
  };
  const body = await smallBody(request, "application/json");
  if ("refusal" in body) return refuse(body.refusal);
  const control = readControl(body.text);
  if (control === undefined) {
    return refuse({
      reason: "invalid",
      status: 400,
      code: "INVALID",
      message:
        "That is no control: expected kill-pod, stop-pod, cut-link, restore-link, scale or load with what it needs",
    });
  }
  try {
    return Response.json({ ok: true, message: await controls.perform(control) });
  } catch (error) {
    const known = error instanceof IsthmusError ? error : undefined;
    return Response.json(
      {
        error: { code: known?.code ?? "INTERNAL", message: messageOf(error), hint: known?.hint },
      },
      { status: statusOf(known) },
    );
  }
}

function statusOf(error: IsthmusError | undefined): number {
  switch (error?.code) {
    case "NOT_FOUND":
      return 404;
    case "CONFLICT":
    case "ALREADY_EXISTS":
      return 409;
    case "INVALID":
    case "USAGE":
      return 400;
    case "DENIED":
      return 403;
    case "UNREACHABLE":
    case "TIMEOUT":
      return 503;
    default:
      return 500;
  }
}

/** Undefined for what is none, or has more or less than it needs. */
function readControl(text: string): Control | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const field = new Map<string, unknown>(Object.entries(value));
  const name = (key: string): string | undefined => {
    const given = field.get(key);
    return typeof given === "string" && given.length > 0 && given.length <= 512 ? given : undefined;
  };
  const number = (key: string, max: number): number | undefined => {
    const given = field.get(key);
    return typeof given === "number" && given >= 0 && given <= max ? given : undefined;
  };
  const kind = field.get("do");
  const [site, pod, service, link] = [name("site"), name("pod"), name("service"), name("link")];
  switch (kind) {
    case "kill-pod":
    case "stop-pod":
      return site === undefined || pod === undefined ? undefined : { do: kind, site, pod };
    case "cut-link":
    case "restore-link":
      return link === undefined ? undefined : { do: kind, link };
    case "scale": {
      const replicas = number("replicas", MAX_REPLICAS);
      if (site === undefined || service === undefined || !Number.isInteger(replicas)) return undefined;
      return { do: kind, site, service, replicas: replicas ?? 0 };
    }
    case "load": {
      const rps = number("rps", MAX_RPS);
      return site === undefined || service === undefined || rps === undefined
        ? undefined
        : { do: kind, site, service, rps };
    }
    default:
      return undefined;
  }
}
