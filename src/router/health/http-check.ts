import { authorityOf, type Check, type CheckOptions } from "./check.ts";

/** A status line that is longer is none. */
const MAX_LINE_BYTES = 4096;
const encoder = new TextEncoder();

/** GET; any final answer from 200 to 399 is healthy. Redirects are not followed. */
export class HttpCheck implements Check {
  readonly #options: CheckOptions;
  #line = "";

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  begin(): void {
    const { target, send } = this.#options;
    const path = target.path === undefined || target.path === "" ? "/" : target.path;
    send(
      encoder.encode(
        `GET ${path} HTTP/1.1\r\nHost: ${authorityOf(target)}\r\nUser-Agent: isthmus-health\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      ),
    );
  }

  receive(chunk: Uint8Array): void {
    for (const octet of chunk) {
      if (octet === 10) {
        this.#judge();
        return;
      }
      this.#line += String.fromCharCode(octet);
    }
    if (this.#line.length > MAX_LINE_BYTES) this.#options.verdict("the answer is not HTTP");
  }

  end(): void {
    // The connection says what it means.
  }

  #judge(): void {
    const status = /^HTTP\/1\.[01] (\d{3})(?: |\r?$)/.exec(this.#line)?.[1];
    if (status === undefined) this.#options.verdict("the answer is not HTTP");
    else this.#options.verdict(status >= "200" && status <= "399" ? undefined : `answered ${status}`);
  }
}
