import { dlopen } from "bun:ffi";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;

/**
 * Asks for more room for datagrams that wait in the kernel (Linux; at most net.core.rmem_max), which the runtime has no call for. Returns
 * false where it cannot be had: the socket works then with what the system gives, some 270 queries.
 */
export function setReceiveBuffer(fd: number, bytes: number): boolean {
  try {
    const library = dlopen("libc.so.6", {
      setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    });
    const value = Int32Array.of(bytes);
    const result = library.symbols.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, value.byteLength);
    library.close();
    return result === 0;
  } catch {
    return false;
  }
}
