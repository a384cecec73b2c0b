/** Ending a socket at once, so that what was cut off cannot pass for complete. */
import type net from 'node:net'

/**
 * Over TCP by RST; Unix and vsock sockets have no such thing. While the end of the sending side is under way Node cannot
 * reset, and loses the descriptor in the attempt (uv_tcp_close_reset fails with EINVAL): then all has been sent, see
 * endWhenSent(), and the socket is closed.
 */
export const cut = (socket: net.Socket): void => {
  const ending = socket.writableEnded && !socket.writableFinished
  if (ending || socket.localFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}

const NOTHING = Buffer.alloc(0)

/** Ends the sending side once the kernel has all that was written before: until then cut() can reset. */
export const endWhenSent = (socket: net.Socket): void => {
  if (socket.writableLength === 0) socket.end()
  else socket.write(NOTHING, (error) => (error ? undefined : socket.end()))
}
