import { EventEmitter, once } from 'node:events'
import type net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ConnectOptions, connect, hybridTransport } from '../../../shared/vsock/index.js'
import {
  closing,
  descriptors,
  digest,
  eventually,
  payload,
  read,
} from '../../support/vsock-conformance-bench.js'
import { OK, startVmm } from './hybrid-vmm.js'

const MIB = 2 ** 20

/** A connected socket and the VMM's end of it, still paused; `more` comes in one chunk with the OK. */
const pair = async (options: Partial<ConnectOptions> = {}, more = '') => {
  const accepting = new EventEmitter()
  const { path, close } = await startVmm((socket) => {
    socket.write(OK + more)
    accepting.emit('socket', socket)
  })
  onTestFinished(close)
  const socket = connect({ cid: 3, port: 52, transport: hybridTransport(path), ...options })
  onTestFinished(() => void socket.on('error', () => {}).destroy())
  const [[far]] = await Promise.all([once(accepting, 'socket'), once(socket, 'connect')])
  return { socket, far: far as net.Socket }
}

describe('ends', () => {
  it('ends its own side and still reads', async () => {
    const { socket, far } = await pair()
    socket.end('question')
    expect(await read(far.resume())).toBe('question')
    far.end('answer')
    expect(await read(socket)).toBe('answer')
  })

  it('half open, writes on after the end of the other side', async () => {
    const { socket, far } = await pair({ allowHalfOpen: true })
    far.end('first')
    expect(await read(socket)).toBe('first')
    await pause(20)
    expect([socket.readyState, socket.destroyed]).toEqual(['writeOnly', false])
    socket.end('last')
    expect(await read(far.resume())).toBe('last')
  })

  it('not half open, ends after the other side, and closes', async () => {
    const { socket, far } = await pair()
    const events: unknown[][] = []
    for (const name of ['end', 'finish', 'close'])
      socket.on(name, (...carried) => events.push([name, ...carried]))
    const received = read(far.resume())
    far.end('bye')
    expect(await read(socket)).toBe('bye')
    expect(await received).toBe('')
    await eventually(() => expect(events).toEqual([['end'], ['finish'], ['close', false]]))
    await new Promise((resolve) => socket.write('too late', resolve)).then((error) =>
      expect(error).toMatchObject({ code: 'EPIPE' }),
    )
  })

  it('ends without a reader where there is nothing to read', async () => {
    const { socket, far } = await pair()
    far.end()
    expect(await closing(socket)).toBeUndefined()
  })

  it('keeps what has come for a late reader, though both sides have ended', async () => {
    const { socket, far } = await pair()
    socket.end()
    far.resume().end('late')
    await pause(50)
    expect(socket.destroyed).toBe(false)
    const closed = closing(socket)
    expect(await read(socket)).toBe('late')
    expect(await closed).toBeUndefined()
  })

  it('destroySoon() closes when all is written', async () => {
    const { socket, far } = await pair()
    const { bytes, sum } = payload(4 * MIB)
    const received = digest(far.resume())
    socket.write(bytes)
    socket.destroySoon()
    expect(await received).toEqual(sum)
    expect(socket.destroyed).toBe(true)
  })

  it('has closed its descriptor at its close', async () => {
    const { socket } = await pair()
    const before = descriptors()
    const after = new Promise((resolve) => socket.on('close', () => resolve(descriptors())))
    socket.destroy()
    expect(await after).toBe(before - 1)
  })

  it('calls back the write that was under way, then closes, as net.Socket does', async () => {
    const { socket } = await pair()
    const calls: string[] = []
    socket.write(Buffer.alloc(8 * MIB), () => calls.push('written'))
    socket.on('close', () => calls.push('closed'))
    await closing(socket.destroy())
    await pause(20)
    expect(calls).toEqual(['written', 'closed'])
  })

  it('reports a reset', async () => {
    const { socket, far } = await pair()
    await new Promise((resolve) => socket.write('never read', resolve))
    far.destroy()
    const closed = vi.fn()
    socket.on('close', closed)
    expect(await closing(socket.resume())).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
    expect(closed).toHaveBeenCalledWith(true)
  })
})

describe('reading', () => {
  it('reads what came with the OK, and nothing before a paused reader wants it', async () => {
    const { socket, far } = await pair({}, 'with ')
    const data = vi.fn()
    socket.pause().on('data', data)
    far.end('after')
    await pause(30)
    expect(data).not.toHaveBeenCalled()
    socket.resume()
    await once(socket, 'end')
    expect(Buffer.concat(data.mock.calls.flat()).toString()).toBe('with after')
  })

  it('gives nothing more to read once it is destroyed', async () => {
    const { path, close } = await startVmm((socket) => socket.write(`${OK}hello`))
    onTestFinished(close)
    const socket = connect({ cid: 3, port: 52, transport: hybridTransport(path) })
    const data = vi.fn()
    socket.on('data', data).on('connect', () => socket.destroy())
    expect(await closing(socket)).toBeUndefined()
    expect(data).not.toHaveBeenCalled()
  })

  it('reads on when a reader began, paused and resumed while it was connecting', async () => {
    const { path, close } = await startVmm(async (socket) => {
      await pause(30)
      socket.write(OK)
      await pause(30)
      socket.end('hello')
    })
    onTestFinished(close)
    const socket = connect({ cid: 3, port: 52, transport: hybridTransport(path) })
    const text = read(socket)
    await pause(10)
    socket.pause()
    await once(socket, 'connect')
    await pause(10)
    socket.resume()
    expect(await text).toBe('hello')
  })

  it('holds the other side back while nobody reads', async () => {
    const { socket, far } = await pair()
    const { bytes, sum } = payload(32 * MIB)
    far.end(bytes)
    for (let before = -1; before !== socket.bytesRead; await pause(100)) before = socket.bytesRead
    expect(socket.bytesRead).toBeLessThan(MIB)
    expect(socket.readableLength).toBeLessThan(MIB / 2)
    expect(await digest(socket)).toEqual(sum)
    expect(socket.bytesRead).toBe(32 * MIB)
  })
})

describe('writing', () => {
  it('writes strings in their encodings, in order, and counts bytes', async () => {
    const { socket, far } = await pair()
    const received = read(far.resume())
    const written: number[] = []
    socket.cork()
    socket.write('é', () => written.push(1))
    socket.write('e282ac', 'hex', () => written.push(2))
    socket.write(Buffer.from('ü'), () => written.push(3))
    socket.uncork()
    socket.write(Uint8Array.of(0x21), () => written.push(4))
    socket.setDefaultEncoding('base64').end('w5Y=')
    expect(await received).toBe('é€ü!Ö')
    expect(written).toEqual([1, 2, 3, 4])
    expect(socket.bytesWritten).toBe(10)
  })

  it('counts what still waits, and says when there is room again', async () => {
    const { socket, far } = await pair()
    expect(socket.write(Buffer.alloc(8 * MIB))).toBe(false)
    expect(socket.write('x')).toBe(false)
    expect(socket.bytesWritten).toBe(8 * MIB + 1)
    far.resume()
    await once(socket, 'drain')
    expect([socket.bytesWritten, socket.writableLength]).toEqual([8 * MIB + 1, 0])
  })

  it('reports a broken pipe once, to the write and to the socket', async () => {
    const { socket, far } = await pair({ allowHalfOpen: true })
    far.destroy()
    await once(socket.resume(), 'end')
    const closed = closing(socket)
    const error = await new Promise((resolve) => socket.write('anybody?', resolve))
    expect(error).toMatchObject({ code: 'EPIPE' })
    expect(await closed).toBe(error)
  })
})

describe('timers and the event loop', () => {
  it('says when nothing has moved for a while', async () => {
    const { socket, far } = await pair()
    const timeout = vi.fn()
    expect(socket.setTimeout(500, timeout)).toBe(socket)
    expect(socket.timeout).toBe(500)
    for (let count = 0; count < 6; count++) {
      if (count % 2) far.write('x')
      else socket.write('x')
      await pause(125)
    }
    expect(timeout).not.toHaveBeenCalled()
    await once(socket, 'timeout')
    expect(timeout).toHaveBeenCalledOnce()
    expect(socket.destroyed).toBe(false)
    const never = vi.fn()
    socket.setTimeout(30, never)
    socket.setTimeout(0, never)
    await pause(60)
    expect(never).not.toHaveBeenCalled()
    expect(socket.listenerCount('timeout')).toBe(0)
    expect(() => socket.setTimeout(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
  })

  it('says so while it is connecting, too', async () => {
    const { path, close } = await startVmm(() => {})
    onTestFinished(close)
    const socket = connect({ cid: 3, port: 52, transport: hybridTransport(path) })
    await once(socket.setTimeout(20), 'timeout')
    expect(socket.connecting).toBe(true)
    socket.destroy()
  })

  it('keeps the process alive only while it is ref()ed', async () => {
    const pipes = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('Pipe')).length
    const { socket, far } = await pair()
    const before = pipes()
    expect(socket.unref()).toBe(socket)
    expect(pipes()).toBe(before - 1)
    expect(socket.ref()).toBe(socket)
    expect(pipes()).toBe(before)
    far.destroy()
  })

  it('gathers no listeners', async () => {
    const { socket } = await pair()
    const count = () => socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)
    const before = count()
    for (let round = 0; round < 20; round++) socket.ref().unref().setTimeout(1_000).pause().resume()
    expect(count()).toBe(before)
  })

  it("calls a late once('connect'), and never again", async () => {
    const { socket } = await pair()
    const late = vi.fn()
    const count = socket.listenerCount('connect')
    socket.once('connect', late)
    expect(late).not.toHaveBeenCalled()
    await pause(0)
    expect(late).toHaveBeenCalledOnce()
    expect(socket.listenerCount('connect')).toBe(count)
    const end = vi.fn()
    socket.once('end', end)
    await pause(0)
    expect(end).not.toHaveBeenCalled()
    await closing(socket.destroy())
    socket.once('connect', late)
    await pause(0)
    expect(late).toHaveBeenCalledOnce()
  })
})
