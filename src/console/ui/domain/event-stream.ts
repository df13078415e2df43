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
  /** Of the line that has not ended, so that each byte is looked at once, however long the line. */
  #pieces: string[] = [];
  /** The last piece ended with CR: an LF that follows belongs to it. */
  #afterCr = false;
  #event = "";
  #data: string[] = [];

  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let from = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    const lineEnd = /\r\n|\n|\r/g;
    lineEnd.lastIndex = from;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      const line = this.#pieces.join("") + text.slice(from, end.index);
      this.#pieces = [];
      from = lineEnd.lastIndex;
      if (line === "") this.#dispatch(events);
      else this.#field(line);
    }
    if (text !== "") this.#afterCr = text.endsWith("\r");
    if (from < text.length) this.#pieces.push(text.slice(from));
    return events;
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data.length > 0)
      events.push({ event: this.#event === "" ? "message" : this.#event, data: this.#data.join("\n") });
    this.#event = "";
    this.#data = [];
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
  }
}
