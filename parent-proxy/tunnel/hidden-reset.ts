/** Whether a socket that seems to have ended was in truth reset. */
import { readSync } from 'node:fs'
import type net from 'node:net'

/**
 * To be asked while 'end' is emitted. Where a reset is polled together with the last bytes, libuv 1.46 (Node 20) reports the
 * end of the stream (src/unix/stream.c, uv__stream_io: "POLLHUP"), and a cut-off answer would pass for a complete one;
 * one more read(2) tells them apart. Undefined for a real end, and for a socket that is not the kernel's own.
 */
export const hiddenReset = (socket: net.Socket): Error | undefined => {
  const { _handle: handle } = socket as net.Socket & { readonly _handle?: { readonly fd?: unknown } | null }
  const fd = handle?.fd
  if (typeof fd !== 'number' || fd < 0) return undefined
  try {
    readSync(fd, Buffer.alloc(1))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? (error as Error) : undefined
  }
}
