import type { TestClient } from "../../testing/client.ts";
import { RawPod } from "./raw-pod.ts";

/** The simplest request. */
export const GET = "GET / HTTP/1.1\r\nHost: app\r\n\r\n";

/** A GET of a path. */
export function get(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: app\r\n${headers}\r\n`;
}

/** A POST with a body of known length. */
export function post(body: string, headers = ""): string {
  return `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}

/** A pod that has no time for anybody. */
export function fullPod(): RawPod {
  return new RawPod({
    onRequest: ({ connection }) =>
      connection.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"),
  });
}

/** Byte by byte. */
export async function sendSlowly(to: { send(data: string): void }, text: string): Promise<void> {
  for (const byte of text) {
    to.send(byte);
    await Bun.sleep(0);
  }
}

/** What the client got, once it has `text` in it. */
export async function contains(client: TestClient, text: string, timeoutMs?: number): Promise<string> {
  await client.until((one) => one.text.includes(text), timeoutMs);
  return client.text;
}

/** Body of the only answer so far. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}
