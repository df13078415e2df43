import { IsthmusError, messageOf } from "#core/errors.ts";

/** `CODE: message` of the error that a promise ends with; "accepted" when it ends well. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "accepted";
  } catch (error) {
    return `${error instanceof IsthmusError ? error.code : "no IsthmusError"}: ${messageOf(error)}`;
  }
}
