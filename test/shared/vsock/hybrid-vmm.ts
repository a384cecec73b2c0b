/** The host's side of a virtual machine monitor, as strict as Firecracker about what it reads. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What Firecracker gives to the first connection of a machine. */
export const OK = 'OK 1073741824\n'

export interface Vmm {
  /** Of its Unix socket, in a directory of its own. */
  readonly path: string
  /** Everything that came before the answer, a text for each connection. */
  readonly heard: string[]
  close(): Promise<void>
}

/** Answers a CONNECT; must write OK itself. The socket is half open, and paused until somebody reads. */
export type Answer = (socket: net.Socket, port: number) => void

/** Hangs up, as on a port that nobody listens on, unless the whole command comes at once and alone. */
export async function startVmm(answer: Answer): Promise<Vmm> {
  const directory = mkdtempSync(join(tmpdir(), 'h-'))
  const path = join(directory, 'v.sock')
  const heard: string[] = []
  const open = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => {}))
    // Gone before it said anything.
    const onEnd = () => socket.end()
    socket.once('end', onEnd)
    socket.once('data', (chunk) => {
      socket.pause().off('end', onEnd)
      const command = chunk.toString('latin1')
      heard.push(command)
      const [, port] = /^CONNECT (0|[1-9][0-9]*)\n$/.exec(command) ?? []
      if (port === undefined) socket.destroy()
      else answer(socket, Number(port))
    })
  })
  server.listen({ path, backlog: 4096 })
  await once(server, 'listening')
  return {
    path,
    heard,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A machine with one guest, whose ports are the Unix sockets `PATH_<port>`. */
export async function startBridge(silentPort?: number): Promise<Vmm> {
  const vmm: Vmm = await startVmm((socket, port) => {
    if (port === silentPort) {
      socket.on('end', () => socket.end()).resume()
      return
    }
    const guest = net.connect({ path: `${vmm.path}_${port}`, allowHalfOpen: true })
    guest.on('connect', () => {
      socket.write(OK)
      socket.pipe(guest).pipe(socket)
    })
    guest.on('error', () => socket.destroy())
    for (const [one, other] of [
      [socket, guest],
      [guest, socket],
    ] as const) {
      one.on('close', () => {
        if (!one.readableEnded || !one.writableFinished) other.destroy()
      })
    }
  })
  return vmm
}
