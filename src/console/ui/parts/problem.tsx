import type { JSX } from "preact";
import type { ApiError } from "../data/api.ts";
import { Empty } from "./panel.tsx";

/** Why there is nothing to show, as the observer says it. */
export function Problem({ error }: { error: ApiError }): JSX.Element {
  const command = error.hint?.startsWith("isthmus ") === true ? error.hint : undefined;
  return (
    <Empty title={error.message} {...(command === undefined ? {} : { next: command })}>
      {command === undefined ? (error.hint ?? "It is asked again by itself.") : "The next command:"}
    </Empty>
  );
}
