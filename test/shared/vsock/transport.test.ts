/** The limits of an attempt to connect, on a socket that goes nowhere; on real ones: vsock-conformance-limits.ts. */
import { getEventListeners, once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ConnectOptions, connect } from '../../../shared/vsock/index.js'
import { limitConnect } from '../../../shared/vsock/transport.js'
import { closing, SILENT } from '../../support/vsock-conformance-bench.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const attempt = (options: Partial<ConnectOptions> = {}) =>
  connect({ cid: 3, port: 8000, transport: SILENT, ...options })

describe('a deadline', () => {
  it('ends the attempt when it has come, and not before', async () => {
    const socket = attempt({ timeout: 1_499.5 })
    const closed = closing(socket)
    vi.advanceTimersByTime(1_498)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(2)
    expect(await closed).toMatchObject({
      name: 'OperationError',
      code: 'ETIMEDOUT',
      message: 'no connection to vsock:3:8000 within 1500 ms',
    })
  })

  it('is ten seconds unless told otherwise', async () => {
    const socket = attempt()
    const closed = closing(socket)
    vi.advanceTimersByTime(9_999)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(await closed).toMatchObject({ code: 'ETIMEDOUT' })
  })

  it('may be as far as a timer goes', () => {
    const socket = attempt({ timeout: 2 ** 31 - 1 })
    vi.advanceTimersByTime(2 ** 31 - 2)
    expect(socket.destroyed).toBe(false)
    socket.destroy()
  })

  it('of Infinity is none', () => {
    attempt({ timeout: Number.POSITIVE_INFINITY })
    expect(vi.getTimerCount()).toBe(0)
  })
})

const aborted = { name: 'AbortError', code: 'ABORT_ERR', message: 'the connection attempt was aborted' }

describe('an abort', () => {
  it('ends the attempt, with its reason', async () => {
    const controller = new AbortController()
    const closed = closing(attempt({ signal: controller.signal }))
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await closed).toMatchObject({ ...aborted, cause: reason })
  })

  it('that came before ends it at once, and nothing waits for the deadline', async () => {
    const reason = new Error('never')
    const signal = AbortSignal.abort(reason)
    const socket = attempt({ signal })
    expect(socket.destroyed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(await closing(socket)).toMatchObject({ ...aborted, cause: reason })
  })
})

describe('an attempt', () => {
  const begin = () => {
    const socket = new net.Socket()
    const controller = new AbortController()
    const listeners = () => socket.listenerCount('connect') + socket.listenerCount('close')
    const before = listeners()
    limitConnect(socket, 'the peer', { timeout: 1_000, signal: controller.signal })
    const left = () => [
      vi.getTimerCount(),
      getEventListeners(controller.signal, 'abort').length,
      listeners() - before,
    ]
    return { socket, controller, left }
  }

  it('that has succeeded is limited no more, and leaves nothing behind', () => {
    const { socket, controller, left } = begin()
    expect(left()).toEqual([1, 1, 2])
    socket.emit('connect')
    expect(left()).toEqual([0, 0, 0])
    controller.abort()
    vi.advanceTimersByTime(1_000)
    expect(socket.destroyed).toBe(false)
  })

  it('that has failed leaves nothing behind', async () => {
    const { socket, left } = begin()
    socket.destroy()
    await once(socket, 'close')
    expect(left()).toEqual([0, 0, 0])
  })
})
