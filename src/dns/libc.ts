import { dlopen, FFIType } from "bun:ffi";

/** Calls of the system that the runtime has no other way to; undefined where its C library is another than glibc. */
export const libc = open()?.symbols;

function open() {
  const { i32, u32, ptr } = FFIType;
  try {
    return dlopen("libc.so.6", {
      setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
      getsockopt: { args: [i32, i32, i32, ptr, ptr], returns: i32 },
      recvmmsg: { args: [i32, ptr, u32, i32, ptr], returns: i32 },
      sendmmsg: { args: [i32, ptr, u32, i32], returns: i32 },
    });
  } catch {
    return undefined;
  }
}
