/** What connect() and listen() make of their options. That the sockets do what they should: vsock-conformance.ts. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
  unixTransport,
  VMADDR_CID_ANY,
  type VsockTransport,
} from '../../../shared/vsock/index.js'
import { firstConnection } from '../../support/vsock-conformance-bench.js'

/** A transport that only notes what it is asked for. */
const noting = () => {
  const transport = {
    connect: vi.fn<VsockTransport['connect']>(() => new net.Socket()),
    listen: vi.fn<VsockTransport['listen']>(async () => {}),
  }
  return transport
}

describe('a transport', () => {
  it('is told where to connect, and how', () => {
    const transport = noting()
    connect({ cid: 3, port: 8000, transport }).destroy()
    expect(transport.connect).toHaveBeenCalledWith(
      { cid: 3, port: 8000 },
      { allowHalfOpen: false, timeout: 10_000 },
    )
    const asked = { allowHalfOpen: true, timeout: Number.POSITIVE_INFINITY }
    connect({ cid: 16, port: 1, transport, ...asked }).destroy()
    expect(transport.connect).toHaveBeenLastCalledWith({ cid: 16, port: 1 }, asked)
  })

  it('is told where to listen, and how many may wait', async () => {
    const transport = noting()
    const server = await listen({ port: 8000, transport })
    expect(transport.listen).toHaveBeenCalledWith(server, { cid: VMADDR_CID_ANY, port: 8000 }, 4096)
    const other = await listen({ cid: 3, port: 1, backlog: 7, transport })
    expect(transport.listen).toHaveBeenLastCalledWith(other, { cid: 3, port: 1 }, 7)
  })

  it.each([
    [{ cid: VMADDR_CID_ANY }, 'CID ANY is for listening, not for connecting'],
    [{ timeout: 0 }, 'timeout is a number of milliseconds above 0, or Infinity: 0'],
  ])('is not asked for %o', (options, message) => {
    const transport = noting()
    expect(() => connect({ cid: 3, port: 8000, transport, ...options })).toThrow(message)
    expect(transport.connect).not.toHaveBeenCalled()
  })
})

describe('a connection', () => {
  const pair = async (asked: { listen?: Partial<ListenOptions>; connect?: Partial<ConnectOptions> } = {}) => {
    const directory = mkdtempSync(join(tmpdir(), 'v-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const address = { cid: 3, port: 8000, transport: unixTransport(directory) }
    const server = await listen({ ...address, ...asked.listen })
    onTestFinished(() => void server.close())
    const near = connect({ ...address, ...asked.connect })
    const [far] = await Promise.all([firstConnection(server), once(near, 'connect')])
    for (const socket of [near, far]) onTestFinished(() => void socket.destroy())
    return { near, far }
  }

  it('may be answered after its end, and is read at once', async () => {
    const { near, far } = await pair()
    expect([near.allowHalfOpen, far.allowHalfOpen, far.isPaused()]).toEqual([false, true, false])
  })

  it('is otherwise where that is asked for', async () => {
    const { near, far } = await pair({
      listen: { allowHalfOpen: false, pauseOnConnect: true },
      connect: { allowHalfOpen: true },
    })
    expect([near.allowHalfOpen, far.allowHalfOpen, far.isPaused()]).toEqual([true, false, true])
  })
})
