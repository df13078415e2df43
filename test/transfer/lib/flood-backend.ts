/**
 * A backend that does what the first byte of a connection says: "f" floods, for as long as the client reads; "e" sends
 * everything back; "s" answers one byte and swallows everything; "r" does so too, and resets after 1 MiB. Tells its port.
 */
import type { Socket } from "bun";

interface State {
  mode: string;
  received: number;
  /** Of an echo, what the kernel has not taken. */
  held: Uint8Array[];
}

const block = new Uint8Array(1024 ** 2).fill(120);

function flood(socket: Socket<State>): void {
  if (socket.write(block) === block.length) setImmediate(() => flood(socket));
}

function echo(socket: Socket<State>, chunk: Uint8Array): void {
  const { held } = socket.data;
  const taken = held.length > 0 ? 0 : Math.max(0, socket.write(chunk));
  if (taken < chunk.length) held.push(Uint8Array.from(chunk.subarray(taken)));
}

const listener = Bun.listen<State>({
  hostname: "127.0.0.1",
  port: 0,
  allowHalfOpen: true,
  socket: {
    open: (socket) => {
      socket.data = { mode: "", received: 0, held: [] };
    },
    data(socket, chunk) {
      const state = socket.data;
      const first = state.mode === "";
      if (first) state.mode = String.fromCharCode(chunk[0] ?? 0);
      if (first && state.mode === "f") flood(socket);
      if (first && (state.mode === "s" || state.mode === "r")) socket.write("w");
      if (state.mode === "e") echo(socket, chunk);
      if (state.mode === "r" && (state.received += chunk.length) > 1024 ** 2) socket.terminate();
    },
    drain(socket) {
      const { mode, held } = socket.data;
      if (mode === "f") flood(socket);
      if (mode === "e") for (const chunk of held.splice(0)) echo(socket, chunk);
    },
    // Without this Bun ends its side too.
    end() {},
    error() {},
  },
});
process.send?.({ port: listener.port });
