/** Bytes sent to another machine, and back; told by their count, because not every VMM passes half-close on. */
import { createHash } from 'node:crypto'
import type net from 'node:net'
import { type ConnectOptions, connect } from '../../../shared/vsock/index.js'
import type { Sum } from '../../support/vsock-conformance-bench.js'

/** Sends back every byte of every connection. */
export function echo(server: net.Server): void {
  server.on('connection', (socket) => socket.on('error', () => {}).pipe(socket))
}

/** Sends `bytes`, each piece once the one before has come back; @returns what came back. */
export function echoed(to: ConnectOptions, bytes: Buffer, piece = bytes.length): Promise<Sum> {
  const socket = connect({ timeout: 5_000, ...to })
  const hash = createHash('sha256')
  let sent = 0
  let length = 0
  const send = (): void => {
    const next = bytes.subarray(sent, sent + piece)
    sent += next.length
    socket.write(next)
  }
  return new Promise<Sum>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed after ${length} of ${sent} bytes`)))
    socket.on('data', (chunk) => {
      hash.update(chunk)
      length += chunk.length
      if (length >= bytes.length) resolve({ length, sha256: hash.digest('hex') })
      else if (length === sent) send()
    })
    send()
  }).finally(() => socket.destroy())
}
