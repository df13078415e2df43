import type { HttpTarget } from "../../../bench/lib/http-connection.ts";

/** A connection that is still open so long after its client has ended its side hangs. */
const HANGS_AFTER_MS = 15_000;

/** Sends all (latin1) and ends this side; gives what came until the other side ended. */
export function converse(
  target: HttpTarget,
  text: string,
): Promise<{ readonly received: string; readonly hanging: boolean }> {
  return new Promise((resolve, reject) => {
    let received = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (hanging: boolean): void => {
      clearTimeout(timer);
      resolve({ received, hanging });
    };
    Bun.connect({
      ...target,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          timer = setTimeout(() => {
            end(true);
            socket.terminate();
          }, HANGS_AFTER_MS);
          socket.write(Buffer.from(text, "latin1"));
          socket.shutdown();
        },
        data: (_, chunk) => {
          received += chunk.toString("latin1");
        },
        end: (socket) => void socket.end(),
        close: () => end(false),
        error: () => end(false),
      },
    }).catch(reject);
  });
}
