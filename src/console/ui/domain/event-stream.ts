/** One event of a stream of server-sent events (WHATWG HTML, section 9.2). */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Parses what arrives of an event stream, in pieces of any size. Ids and retry times are not used here; comments are dropped, since that
 * they arrived is enough. (The browser's EventSource hides comments, and with them whether the other side still lives.)
 */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.#field(line);
      else {
        if (this.#data.length > 0) {
          events.push({ event: this.#event === "" ? "message" : this.#event, data: this.#data.join("\n") });
        }
        this.#event = "";
        this.#data = [];
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
  }
}
