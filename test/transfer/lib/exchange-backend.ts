/**
 * The backend of the exchange tests, as a process of its own so that it hashes on another core: each connection is one
 * exchange. Tells its port, and each outcome in the order of their ends. Arguments: bytes per connection.
 */
import { Exchange, EXCHANGE_HANDLERS } from "./exchange.ts";

const bytes = Number(process.argv[2]);
let connections = 0;
const listener = Bun.listen<Exchange>({
  hostname: "127.0.0.1",
  port: 0,
  allowHalfOpen: true,
  socket: {
    ...EXCHANGE_HANDLERS,
    open(socket) {
      const exchange = new Exchange({ seed: 1_000_000 + connections++, bytes, lastAfterFin: true });
      socket.data = exchange;
      void exchange.done.then((outcome) => process.send?.({ outcome }));
      exchange.send(socket);
    },
  },
});
process.send?.({ port: listener.port });
