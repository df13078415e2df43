import type { Refusal } from "./refusal.ts";

/** What people send is small. */
const MAX_BYTES = 4096;

/** The body as text, if it is of this type and small. The server bounds what is sent without a length. */
export async function smallBody(
  request: Request,
  type: string,
): Promise<{ readonly text: string } | { readonly refusal: Refusal }> {
  const [given = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (given.trim().toLowerCase() !== type) {
    return {
      refusal: {
        reason: "invalid",
        status: 415,
        code: "INVALID",
        message: `Expected a body of type ${type}`,
      },
    };
  }
  const text = await request.text();
  return text.length <= MAX_BYTES ? { text } : { refusal: tooLarge() };
}

function tooLarge(): Refusal {
  return {
    reason: "too-large",
    status: 413,
    code: "INVALID",
    message: `The body is larger than ${MAX_BYTES} bytes`,
  };
}
