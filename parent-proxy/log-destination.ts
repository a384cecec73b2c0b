/** Where log lines go: to a descriptor whose reader may stop reading, or go away, without stopping the proxy. */
import { fstatSync } from 'node:fs'
import net from 'node:net'
import pino from 'pino'

export interface LogDestination {
  write(line: string): void
  /** Resolves when all is written, or after `timeout` ms: what is left then is lost. */
  end(timeout: number): Promise<void>
}

/** Milliseconds that the last lines have at the end of the process. */
export const LOG_TIMEOUT = 1_000
/** Bytes that wait for a reader; lines beyond them are lost, connections are not. */
const MAX_WAITING = 8 * 1024 * 1024

/** Pipes and sockets: write(2) would block a thread of the process, which could not even end then. */
const toSocket = (fd: number): LogDestination => {
  const socket = new net.Socket({ fd, readable: false, writable: true })
  // Nobody reads any more.
  socket.on('error', () => {})
  // The log alone keeps no process alive.
  socket.unref()
  return {
    write: (line) => {
      if (!socket.destroyed && socket.writableLength < MAX_WAITING) socket.write(line)
    },
    end: (timeout) =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve()
        const timer = setTimeout(() => socket.destroy(), timeout)
        socket.once('close', () => {
          clearTimeout(timer)
          resolve()
        })
        socket.ref().end(() => socket.destroy())
      }),
  }
}

/** Files and terminals. */
const toFile = (fd: number): LogDestination => {
  const destination = pino.destination({ dest: fd, sync: true })
  // A full disk: the proxy goes on.
  destination.on('error', () => {})
  return { write: (line) => void destination.write(line), end: async () => {} }
}

export const logDestination = (fd: number): LogDestination => {
  const stat = fstatSync(fd)
  return stat.isFIFO() || stat.isSocket() ? toSocket(fd) : toFile(fd)
}
