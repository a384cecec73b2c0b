/** Deadline and abort of a connection attempt: they end the attempt, and nothing else. */
import { once } from 'node:events'
import { expect, it, onTestFinished, vi } from 'vitest'
import { connect } from '../../shared/vsock/index.js'
import { type Bench, closing, failure, pause, read, SILENT } from './vsock-conformance-bench.js'

/** A number of milliseconds by which a timer can be told from others. */
const LONG = 54_321

/** Watches the deadline's timer and the listener on `signal`. */
function watch(signal: AbortSignal) {
  const removed = vi.spyOn(signal, 'removeEventListener')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  const set = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => void vi.restoreAllMocks())
  return {
    expectReleased: () => {
      const timer = set.mock.results[set.mock.calls.findIndex(([, delay]) => delay === LONG)]?.value
      expect(timer).toBeDefined()
      expect(cleared).toHaveBeenCalledWith(timer)
      expect(removed).toHaveBeenCalledOnce()
    },
  }
}

export function limits(bench: () => Bench): void {
  it('fails with ETIMEDOUT at the deadline', async () => {
    const { rig, dial } = bench()
    const transport = rig.silent === undefined ? SILENT : rig.connecting.transport
    const { cid, port } = rig.silent ?? { cid: 3, port: 8000 }
    const began = performance.now()
    const socket = dial(port, { cid, transport, timeout: 100 })
    const error = await failure(socket)
    expect(error).toMatchObject({ name: 'OperationError', code: 'ETIMEDOUT' })
    expect(error.message).toContain(`vsock:${cid}:${port}`)
    expect(performance.now() - began).toBeGreaterThan(80)
    expect(socket.destroyed).toBe(true)
  })

  it('gives up at an abort, with its reason', async () => {
    const { rig, dial } = bench()
    const transport = rig.silent === undefined ? SILENT : rig.connecting.transport
    const { cid, port } = rig.silent ?? { cid: 3, port: 8000 }
    const controller = new AbortController()
    const socket = dial(port, { cid, transport, signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 30)
    const error = await failure(socket)
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } })
    expect(socket.destroyed).toBe(true)
  })

  it('gives up at an abort in the same turn, though somebody listens', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    await serve(port)
    const controller = new AbortController()
    const socket = dial(port, { signal: controller.signal })
    const connected = vi.fn()
    socket.on('connect', connected)
    controller.abort()
    expect(await closing(socket)).toMatchObject({ name: 'AbortError' })
    expect(connected).not.toHaveBeenCalled()
  })

  it('does not begin after an abort', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    await serve(port)
    const socket = dial(port, { signal: AbortSignal.abort() })
    const connected = vi.fn()
    socket.on('connect', connected)
    expect(await closing(socket)).toMatchObject({ name: 'AbortError' })
    expect(connected).not.toHaveBeenCalled()
  })

  it('leaves no timer and no listener behind after a refusal', async () => {
    const { rig, dial } = bench()
    const { signal } = new AbortController()
    const { expectReleased } = watch(signal)
    await closing(dial(rig.port(), { signal, timeout: LONG }))
    expectReleased()
  })

  it('leaves no timer and no listener on an established connection', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    await serve(port)
    const { signal } = new AbortController()
    const { expectReleased } = watch(signal)
    await once(dial(port, { signal, timeout: LONG }), 'connect')
    expectReleased()
  })

  it('leaves an established connection alone, at the deadline and at an abort', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    server.on('connection', (socket) => socket.pipe(socket))
    const controller = new AbortController()
    const socket = dial(port, { timeout: 1_000, signal: controller.signal })
    await once(socket, 'connect')
    controller.abort()
    await pause(1_050)
    socket.end('still here')
    expect(await read(socket)).toBe('still here')
  })

  it('takes Infinity for no limit', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    onTestFinished(() => void vi.restoreAllMocks())
    connect({ cid: 3, port: 8000, transport: SILENT, timeout: Infinity }).destroy()
    expect(set).not.toHaveBeenCalled()
  })
}
