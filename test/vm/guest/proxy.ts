/** In one guest: the parent's proxy on real AF_VSOCK, where the kernel tells whose a connection is. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { fromParent } from '../../../enclave/kms/parent-credentials.js'
import type { ConnectionSummary } from '../../../parent-proxy/connection.js'
import type { ListenerOptions } from '../../../parent-proxy/options.js'
import { startProxy } from '../../../parent-proxy/proxy.js'
import { connect, VMADDR_CID_ANY, VMADDR_CID_LOCAL } from '../../../shared/vsock/index.js'
import { descriptors, eventually, noLeak, pause } from '../../support/vsock-conformance-bench.js'

const CID = VMADDR_CID_LOCAL
const MiB = 1024 * 1024
const to = { host: 'upstream.test', port: 443 }

let next = 20_000

const startUpstream = async (serve: (socket: net.Socket) => void): Promise<string> => {
  next += 1
  const path = `/tmp/upstream-${next}`
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return path
}

const start = async (path: string, more: Partial<ListenerOptions> = {}) => {
  next += 1
  const port = next
  const summaries: ConnectionSummary[] = []
  const proxy = await startProxy(
    {
      allowlist: [{ address: to.host, port: to.port }],
      listeners: [{ to, ...more, listen: { cid: VMADDR_CID_ANY, port } } as ListenerOptions],
    },
    { resolver: async () => [{ path }], observer: { onConnection: (one) => summaries.push(one) } },
  )
  onTestFinished(() => proxy.close())
  const dial = () => {
    const socket = connect({ cid: CID, port, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    return socket
  }
  /** Resolves when the connection is gone, by whatever way. */
  const gone = async (client: net.Socket): Promise<void> => {
    client.on('error', () => undefined)
    client.on('end', () => client.end())
    client.resume()
    await once(client, 'close')
  }
  return { proxy, summaries, dial, gone }
}

/** Not by iteration, which destroys the socket at the end. */
const readAll = async (socket: net.Socket): Promise<Buffer> => {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume()
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

const echo = (socket: net.Socket) => void socket.pipe(socket)

export function proxyOnVsock(): void {
  it('carries bytes both ways, and knows whose they are', async () => {
    const sent = randomBytes(4 * MiB)
    const { dial, summaries } = await start(await startUpstream(echo), { from: [CID] })
    const client = dial()
    const received = readAll(client)
    client.end(sent)
    expect((await received).equals(sent)).toBe(true)
    await eventually(() => expect(summaries).toHaveLength(1))
    expect(summaries[0]).toMatchObject({
      cid: CID,
      bytesUp: sent.length,
      bytesDown: sent.length,
      reason: 'ended',
    })
  })

  it('sends away a CID that is not in `from`', async () => {
    let served = 0
    const path = await startUpstream(() => {
      served += 1
    })
    const { dial, gone, summaries } = await start(path, { from: [16, 17] })
    await gone(dial())
    await eventually(() => expect(summaries).toMatchObject([{ cid: CID, reason: 'cid-refused' }]))
    expect(served).toBe(0)
  })

  it('counts a CID', async () => {
    const path = await startUpstream(echo)
    const { dial, gone, summaries } = await start(path, { maxConnectionsPerCid: 1, queue: 0 })
    const first = dial()
    first.write('held')
    await once(first, 'data')
    await gone(dial())
    await eventually(() => expect(summaries).toMatchObject([{ cid: CID, reason: 'queue-full' }]))
  })

  it('passes on the end of one side, and goes on with the other', async () => {
    let received: Promise<Buffer> | undefined
    const path = await startUpstream((socket) => {
      received = readAll(socket)
      socket.end('early')
    })
    const { dial, summaries } = await start(path)
    const client = dial()
    expect(String(await readAll(client))).toBe('early')
    client.end('late')
    await eventually(() => expect(summaries).toMatchObject([{ reason: 'ended', bytesUp: 4, bytesDown: 5 }]))
    expect(String(await received)).toBe('late')
  })

  it('stops reading for a reader that stalls, and loses nothing', async () => {
    const sent = randomBytes(24 * MiB)
    const { dial, proxy } = await start(await startUpstream((socket) => void socket.end(sent)))
    const client = dial()
    client.pause()
    await pause(2_000)
    const held = proxy.bytesDown
    expect(held).toBeLessThan(12 * MiB)
    await pause(500)
    expect(proxy.bytesDown).toBe(held)
    expect((await readAll(client)).equals(sent)).toBe(true)
    client.end()
  })

  it('leaves no descriptor behind, however connections end', async () => {
    const path = await startUpstream((socket) => {
      socket.once('data', (data) => (data[0] === 0 ? socket.destroy() : socket.end(data)))
    })
    const { dial, gone, summaries } = await start(path)
    const before = descriptors()
    for (let count = 0; count < 40; count += 1) {
      const client = dial()
      client.write(Buffer.of(count % 2))
      if (count % 4 < 2) client.end()
      else client.once('data', () => client.destroy())
      await gone(client)
    }
    await eventually(() => expect(summaries).toHaveLength(40))
    await noLeak(before)
  })

  it('serves credentials, to the CIDs in `from` alone', async () => {
    const expiration = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000)
    const file = '/tmp/credentials.json'
    writeFileSync(
      file,
      JSON.stringify({
        AccessKeyId: 'ASIAGUEST',
        SecretAccessKey: 'secret',
        Token: 'token',
        Expiration: expiration,
      }),
    )
    const credentials = { source: 'file', path: file } as const
    const listen = (port: number) => ({ cid: VMADDR_CID_ANY, port })
    next += 2
    const proxy = await startProxy({
      allowlist: [],
      listeners: [
        { listen: listen(next), from: [CID], credentials },
        { listen: listen(next - 1), from: [16], credentials },
      ],
    })
    onTestFinished(() => proxy.close())
    expect(await fromParent({ cid: CID, port: next })()).toEqual({
      accessKeyId: 'ASIAGUEST',
      secretAccessKey: 'secret',
      sessionToken: 'token',
      expiration,
    })
    await expect(fromParent({ cid: CID, port: next - 1 })()).rejects.toMatchObject({
      code: 'ERR_CREDENTIALS',
    })
  })
}
