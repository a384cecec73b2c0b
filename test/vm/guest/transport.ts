/** In one guest: connect() and listen() on real AF_VSOCK, over loopback, and the proxy on top of them. */
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  kernelTransport,
  kernelTransportWith,
  type ListenOptions,
  listen,
  localCid,
  peerAddress,
  VMADDR_CID_ANY,
  VMADDR_CID_LOCAL,
} from '../../../shared/vsock/index.js'
import { type Rig, vsockConformance } from '../../support/vsock-conformance.js'
import {
  closing,
  descriptors,
  eventually,
  firstConnection,
  noLeak,
  pause,
  read,
} from '../../support/vsock-conformance-bench.js'
// Started as a thread, this file does what the tests ask of one.
import '../../support/vsock-conformance-worker.js'
import { proxyOnVsock } from './proxy.js'
import { run } from './run.js'

const LOCAL = VMADDR_CID_LOCAL
const NO_SUCH_CID = 77

const ports = { next: 10_000 }
const freshPort = () => ports.next++

const loopback: Rig = {
  connecting: { transport: kernelTransport, cid: LOCAL },
  listening: { transport: kernelTransport, cid: VMADDR_CID_ANY },
  port: freshPort,
  texts: { connecting: (port) => `vsock:1:${port}`, listening: (port) => `vsock:ANY:${port}` },
  refused: (port) => ({ code: 'ECONNRESET', syscall: 'connect', address: `vsock:1:${port}` }),
  inUse: (port) => ({ code: 'EADDRINUSE', syscall: 'bind', address: `vsock:ANY:${port}` }),
  peerCid: LOCAL,
}

const serve = async (options: ListenOptions) => {
  const server = await listen(options)
  onTestFinished(() => void server.close())
  return server
}

function kernelOnly(): void {
  it.each([LOCAL, VMADDR_CID_ANY])('listens on CID %d', async (cid) => {
    const port = freshPort()
    const server = await serve({ cid, port })
    server.on('connection', (socket) => socket.end('heard'))
    expect(await read(connect({ cid: LOCAL, port }))).toBe('heard')
  })

  it('listens by default, and connects, without being told the transport', async () => {
    const port = freshPort()
    const server = await serve({ port })
    server.on('connection', (socket) => socket.pipe(socket))
    expect(await read(connect({ cid: LOCAL, port }).end('default'))).toBe('default')
  })

  it("does not listen on somebody else's CID", async () => {
    const port = freshPort()
    const failed = { code: 'EADDRNOTAVAIL', syscall: 'bind', address: `vsock:${NO_SUCH_CID}:${port}` }
    await expect(listen({ cid: NO_SUCH_CID, port })).rejects.toMatchObject(failed)
  })

  it('has one listener a port, whether on its own CID or on all', async () => {
    const port = freshPort()
    await serve({ cid: LOCAL, port })
    await expect(listen({ cid: LOCAL, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('listens on a privileged port, as root', async () => {
    const server = await serve({ port: 443 })
    server.on('connection', (socket) => socket.end('heard'))
    expect(await read(connect({ cid: LOCAL, port: 443 }))).toBe('heard')
  })

  /** A connection whose server reads nothing, on which 1 MiB was written; gives whether it is all gone. */
  const unread = async (window?: number) => {
    const port = freshPort()
    const server = await serve({ port, transport: kernelTransportWith({ window }), pauseOnConnect: true })
    const accepted = firstConnection(server)
    const socket = connect({ cid: LOCAL, port })
    onTestFinished(() => void socket.destroy())
    let gone = false
    socket.write(Buffer.alloc(1024 * 1024), () => {
      gone = true
    })
    return { server: await accepted, isGone: () => gone }
  }

  it('takes 1 MiB before it is read, by default', async () => {
    const { isGone } = await unread()
    await eventually(() => expect(isGone()).toBe(true))
  })

  it('takes no more than its window before it is read', async () => {
    const { server, isGone } = await unread(4_096)
    await pause(1_000)
    expect(isGone()).toBe(false)
    server.resume()
    await eventually(() => expect(isGone()).toBe(true))
  })

  it('has no way to a CID that does not exist', async () => {
    const error = await closing(connect({ cid: NO_SUCH_CID, port: 9 }))
    expect(error).toMatchObject({ code: 'ENODEV', syscall: 'connect', address: `vsock:${NO_SUCH_CID}:9` })
  })

  it('knows the port that a connection comes from, another one for each', async () => {
    const port = freshPort()
    const server = await serve({ port })
    const peers: unknown[] = []
    for (let count = 0; count < 2; count++) {
      const socket = connect({ cid: LOCAL, port })
      onTestFinished(() => void socket.destroy())
      peers.push(peerAddress(await firstConnection(server)))
      expect(peerAddress(socket)).toBeUndefined()
    }
    const known = { cid: LOCAL, port: expect.any(Number) }
    expect(peers).toEqual([known, known])
    expect(peers[0]).not.toEqual(peers[1])
  })

  it('takes the highest port there is', async () => {
    const port = 0xfffffffe
    const server = await serve({ port })
    server.on('connection', (socket) => socket.end('heard'))
    expect(await read(connect({ cid: LOCAL, port }))).toBe('heard')
  })

  it('knows the CID of this machine: none but its own loopback', () => {
    expect([VMADDR_CID_ANY, LOCAL]).toContain(localCid())
  })

  it('leaves no descriptor behind when it cannot listen', async () => {
    const port = freshPort()
    await serve({ port })
    const before = descriptors()
    for (let count = 0; count < 50; count++) await expect(listen({ port })).rejects.toThrow('EADDRINUSE')
    await noLeak(before)
  })

  it('closes its descriptor with the server', async () => {
    const before = descriptors()
    for (let count = 0; count < 50; count++) {
      const server = await listen({ port: freshPort() })
      server.close()
      await once(server, 'close')
    }
    await noLeak(before)
  })
}

await run('transport', () => {
  describe('the kernel transport conforms', () => {
    vsockConformance(() => loopback, { worker: new URL(import.meta.url), queues: true })
  })
  describe('the kernel transport', kernelOnly)
  describe("the parent's proxy", proxyOnVsock)
})
