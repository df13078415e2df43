import { ByteWriter } from "../../byte-writer.ts";
import { ChunkedReader } from "../chunked.ts";
import { FRAMING } from "../framing.ts";
import { RequestHead, type RequestEdit } from "../request-head.ts";
import { EDIT, latin1Text } from "./heads.ts";

/** A request as this codec understood it, and as it would go to a server. */
export interface Relayed {
  readonly method: string;
  /** In origin form. */
  readonly target: string;
  readonly host: string | undefined;
  readonly body: string;
  readonly trailers: string;
  /** The head as it came. */
  readonly head: string;
  /** All that is sent to the server. */
  readonly sent: Uint8Array;
}

/** One hop without sockets: reads requests, frames their bodies anew, and writes them for the next hop. */
export class Relay {
  readonly #head = new RequestHead();
  readonly #chunks = new ChunkedReader();
  readonly #out = new ByteWriter();
  readonly #edit: RequestEdit;

  constructor(edit: Partial<RequestEdit> = {}) {
    this.#edit = { ...EDIT, ...edit };
  }

  /** The whole requests that stand in `stream` before the first that is refused or cut. */
  relay(stream: Uint8Array): readonly Relayed[] {
    const relayed: Relayed[] = [];
    this.#head.reset();
    for (let at = 0; at < stream.length;) {
      const end = this.#request(stream, at, relayed);
      if (end <= 0) break;
      at = end;
    }
    return relayed;
  }

  /** Returns where the next request begins, or 0. */
  #request(stream: Uint8Array, from: number, relayed: Relayed[]): number {
    const head = this.#head;
    const out = this.#out;
    const bodyFrom = head.parse(stream, from, stream.length);
    if (bodyFrom <= 0) return 0;
    out.clear();
    head.write(out, this.#edit);
    let end = bodyFrom;
    let body = "";
    let trailers = "";
    if (head.framing === FRAMING.LENGTH) {
      end = bodyFrom + head.contentLength;
      if (end > stream.length) return 0;
      body = latin1Text(stream.subarray(bodyFrom, end));
      out.copy(stream, bodyFrom, end);
    } else if (head.framing === FRAMING.CHUNKED) {
      const chunks = this.#chunks;
      chunks.reset();
      end = chunks.read(stream, bodyFrom, stream.length, {
        onBody(bytes, begin, to) {
          body += latin1Text(bytes.subarray(begin, to));
          out.hex(to - begin);
          out.text("\r\n");
          out.copy(bytes, begin, to);
          out.text("\r\n");
        },
      });
      if (!chunks.done) return 0;
      out.text("0\r\n");
      if (chunks.trailers !== undefined) {
        trailers = latin1Text(chunks.trailers);
        out.all(chunks.trailers);
      }
      out.text("\r\n");
    }
    const target = latin1Text(stream.subarray(head.targetFrom, head.targetTo));
    relayed.push({
      method: latin1Text(stream.subarray(head.methodFrom, head.methodTo)),
      target: target.startsWith("/") || target === "*" ? target : `/${target}`,
      host: head.header("host"),
      body,
      trailers,
      head: latin1Text(stream.subarray(from, bodyFrom)),
      sent: out.written().slice(),
    });
    return end;
  }
}
