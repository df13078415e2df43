import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Problem } from "../config.ts";
import type { RouterState } from "../state.ts";

/*
 * Between a router and its site controller: WebSocket over TLS, dialled by the router with `authorization: Bearer`, one
 * JSON object per message.
 *
 *     router                              controller
 *       | hello ---------------------------> |
 *       | <--------------------------- config |   whenever it changed; a higher generation each time
 *       | applied -------------------------> |
 *       | state ---------------------------> |   whenever it changed, debounced 20 ms; once after hello
 */

export type ControllerMessage = {
  readonly type: "config";
  readonly generation: number;
  /** Checked with `parseToldConfig` before it is used. */
  readonly config: unknown;
};

export type RouterMessage =
  | {
      readonly type: "hello";
      readonly router: { readonly id: string; readonly version: string; readonly podIp?: string };
    }
  | { readonly type: "applied"; readonly generation: number; readonly problems: readonly Problem[] }
  | { readonly type: "state"; readonly state: RouterState };

/** Larger messages are refused, bytes. */
export const MAX_CONTROL_MESSAGE_BYTES = 32 * 1024 * 1024;

const controllerMessage = Compile(
  Type.Object({
    type: Type.Literal("config"),
    generation: Type.Integer({ minimum: 0 }),
    config: Type.Unknown(),
  }),
);
const routerMessage = Compile(
  Type.Union([
    Type.Object({
      type: Type.Literal("hello"),
      router: Type.Object({ id: Type.String(), version: Type.String(), podIp: Type.Optional(Type.String()) }),
    }),
    Type.Object({
      type: Type.Literal("applied"),
      generation: Type.Integer(),
      problems: Type.Array(Type.Object({ field: Type.String(), message: Type.String() })),
    }),
    // The controller trusts its own router; the state is made by `Router.state`.
    Type.Object({
      type: Type.Literal("state"),
      state: Type.Unsafe<RouterState>(Type.Object({ routerId: Type.String() })),
    }),
  ]),
);

/** Reads what a controller sent; undefined for anything else, also for messages of a later version. */
export function readControllerMessage(text: string): ControllerMessage | undefined {
  const value = parseJson(text);
  return controllerMessage.Check(value) ? value : undefined;
}

/** Reads what a router sent; undefined for anything else. */
export function readRouterMessage(text: string): RouterMessage | undefined {
  const value = parseJson(text);
  return routerMessage.Check(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  if (text.length > MAX_CONTROL_MESSAGE_BYTES) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
