import { once } from 'node:events'
import net from 'node:net'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ConnectOptions, connect, hybridTransport } from '../../../shared/vsock/index.js'
import { closing, descriptors, eventually, noLeak, read } from '../../support/vsock-conformance-bench.js'
import { type Answer, OK, startVmm, type Vmm } from './hybrid-vmm.js'

const PORT = 52

const vmm = async (answer: Answer): Promise<Vmm> => {
  const started = await startVmm(answer)
  onTestFinished(() => started.close())
  return started
}

const dial = (path: string, options: Partial<ConnectOptions> = {}): net.Socket => {
  const socket = connect({ cid: 3, port: PORT, transport: hybridTransport(path), ...options })
  onTestFinished(() => void socket.on('error', () => {}).destroy())
  return socket
}

/** Events in their order, with what they carry. */
const record = (socket: net.Socket): unknown[][] => {
  const events: unknown[][] = []
  for (const name of ['connect', 'ready', 'end', 'finish', 'error', 'close']) {
    socket.on(name, (...carried) => events.push([name, ...carried]))
  }
  return events
}

const failsWith = async (path: string, code: 'ECONNRESET' | 'EPROTO', more = {}): Promise<void> => {
  const address = `hybrid:${path}:${PORT}`
  const socket = dial(path)
  const events = record(socket)
  expect(await closing(socket)).toMatchObject(more)
  const error = expect.objectContaining({
    name: 'Error',
    message: `connect ${code} ${address}`,
    errno: -constants.errno[code],
    code,
    syscall: 'connect',
    address,
  })
  expect(events).toEqual([
    ['error', error],
    ['close', true],
  ])
}

describe('the handshake', () => {
  it('asks for the port, byte by byte as documented, and connects at the OK', async () => {
    const accepted: net.Socket[] = []
    const { path, heard } = await vmm((socket) => accepted.push(socket))
    const socket = dial(path)
    const events = record(socket)
    expect(socket).toBeInstanceOf(net.Socket)
    const state = () => [socket.connecting, socket.pending, socket.readyState]
    expect(state()).toEqual([true, true, 'opening'])
    await eventually(() => expect(accepted).toHaveLength(1))
    expect(heard).toEqual([`CONNECT ${PORT}\n`])
    await pause(30)
    expect(state()).toEqual([true, true, 'opening'])
    expect(events).toEqual([])

    accepted[0]?.write(OK)
    await once(socket, 'ready')
    expect(state()).toEqual([false, false, 'open'])
    expect(events).toEqual([['connect'], ['ready']])
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([0, 0])
    socket.destroy()
    expect(state()).toEqual([false, true, 'closed'])
  })

  it.each([0, 1, 65_536, 0xfffffffe])('asks for port %d', async (port) => {
    const { path, heard } = await vmm((socket) => socket.end(OK))
    await once(dial(path, { port }), 'connect')
    expect(heard).toEqual([`CONNECT ${port}\n`])
  })

  it('sends nothing before the OK, then what was written, in order', async () => {
    const { path, heard } = await vmm(async (socket) => {
      // More than the command would be in `heard`, or here.
      const early = vi.fn()
      socket.on('data', early).resume()
      await pause(50)
      expect(early).not.toHaveBeenCalled()
      socket.write(OK)
      socket.pipe(socket)
    })
    const socket = dial(path)
    const written = vi.fn()
    socket.write('one ', written)
    socket.write('two ', written)
    socket.on('connect', () => socket.end('four'))
    socket.write('three ', written)
    expect(await read(socket)).toBe('one two three four')
    expect(heard).toEqual([`CONNECT ${PORT}\n`])
    expect(written).toHaveBeenCalledTimes(3)
  })

  it('holds back the end of the sending side, too', async () => {
    const { path } = await vmm(async (socket) => {
      const ended = vi.fn()
      socket.on('end', ended).resume()
      await pause(50)
      expect(ended).not.toHaveBeenCalled()
      socket.end(`${OK}answer`)
    })
    expect(await read(dial(path).end())).toBe('answer')
  })

  it.each(['OK 0\n', 'OK 52\n', 'OK 4294967295\n'])('takes %j', async (answer) => {
    const { path } = await vmm((socket) => socket.end(`${answer}hello`))
    const socket = dial(path)
    expect(await read(socket)).toBe('hello')
    expect(socket.bytesRead).toBe(5)
  })

  it('gives what follows the OK to the reader, wherever the bytes are cut', async () => {
    let pieces: Buffer[] = []
    const { path } = await vmm(async (socket) => {
      for (const piece of pieces) {
        socket.write(piece)
        // A packet of its own for each: the next one is written when the reader has had its turn.
        await new Promise((resolve) => setImmediate(resolve))
      }
      socket.end()
    })
    const cuts = fc.array(fc.nat(OK.length + 40), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(cuts, fc.uint8Array({ maxLength: 40 }), fc.boolean(), async (places, data, late) => {
        const bytes = Buffer.concat([Buffer.from(OK), data])
        const edges = [0, ...places.sort((a, b) => a - b), bytes.length]
        pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
        const socket = dial(path).end()
        if (late) await once(socket.pause(), 'connect')
        const chunks: Buffer[] = []
        socket.on('data', (chunk) => chunks.push(chunk))
        socket.resume()
        await once(socket, 'end')
        expect(Buffer.concat(chunks)).toEqual(Buffer.from(data))
        expect(socket.bytesRead).toBe(data.length)
      }),
      { numRuns: 200 },
    )
  })

  it('takes an OK that comes byte by byte', async () => {
    const { path } = await vmm(async (socket) => {
      for (const byte of `${OK}hi`) {
        socket.write(byte)
        await pause(2)
      }
      socket.end()
    })
    expect(await read(dial(path))).toBe('hi')
  })
})

describe('answers that are no OK', () => {
  it.each([
    '\n',
    'OK\n',
    'OK \n',
    'OK x\n',
    'OK 1x\n',
    'OK 1\r\n',
    'OK  1\n',
    'OK 1 \n',
    'OK -1\n',
    'OK 0x1\n',
    'OK 12345678901\n',
    ' OK 1\n',
    'ok 1\n',
    'xOK 1\n',
    'ERR\nOK 1\n',
    'OK 11111111111',
    'OK 11111111111111111111',
  ])('refuses %j with EPROTO', async (answer) => {
    const { path } = await vmm((socket) => socket.resume().write(answer))
    await failsWith(path, 'EPROTO')
  })

  it('refuses 1 MiB without a newline, without waiting for its end', async () => {
    const { path } = await vmm((socket) => socket.resume().write(Buffer.alloc(2 ** 20, 'x')))
    await failsWith(path, 'EPROTO')
  })

  it('refuses a number that is too long, in two pieces', async () => {
    const { path } = await vmm(async (socket) => {
      socket.resume().write('OK 1234567890')
      await pause(20)
      socket.write('1\n')
    })
    await failsWith(path, 'EPROTO')
  })

  it('refuses one that breaks off', async () => {
    const { path } = await vmm((socket) => socket.end('OK 10737'))
    await failsWith(path, 'EPROTO')
  })

  it('says ECONNRESET when the VMM hangs up without one', async () => {
    const { path } = await vmm((socket) => socket.end())
    await failsWith(path, 'ECONNRESET')
  })

  it.each([
    ['EPIPE', 0],
    ['ECONNRESET', 20],
  ])('says so, too, when it does not even read the question: %s', async (code, delay) => {
    const path = join(dirname((await vmm(() => {})).path), 'rude')
    const server = net.createServer({ pauseOnConnect: true }, async (socket) => {
      if (delay > 0) await pause(delay)
      socket.destroy()
    })
    onTestFinished(() => void server.close())
    await once(server.listen(path), 'listening')
    for (let count = 0; count < 5; count++) await failsWith(path, 'ECONNRESET', { cause: { code } })
  })

  it('waits for the rest of an answer until the deadline, then hangs up', async () => {
    const gone = vi.fn()
    const { path } = await vmm((socket) => socket.on('end', gone).resume().write('OK 1073'))
    const socket = dial(path, { timeout: 50 })
    expect(await closing(socket)).toMatchObject({ name: 'OperationError', code: 'ETIMEDOUT' })
    await eventually(() => expect(gone).toHaveBeenCalledOnce())
  })

  it('gives up at an abort, and hangs up', async () => {
    const gone = vi.fn()
    const controller = new AbortController()
    const { path } = await vmm((socket) => {
      socket.on('end', gone).resume()
      controller.abort()
    })
    expect(await closing(dial(path, { signal: controller.signal }))).toMatchObject({ name: 'AbortError' })
    await eventually(() => expect(gone).toHaveBeenCalledOnce())
  })

  it.each([undefined, new Error('no longer needed')])('destroyed while it waits: %s', async (reason) => {
    const { path } = await vmm(() => {})
    const socket = dial(path)
    const events = record(socket)
    const written = new Promise((resolve) => socket.write('never sent', resolve))
    const queued = new Promise((resolve) => socket.end('nor this', () => resolve('called')))
    await pause(20)
    socket.destroy(reason)
    expect([socket.connecting, socket.readyState]).toEqual([false, 'closed'])
    await closing(socket)
    expect(events).toEqual([...(reason ? [['error', reason]] : []), ['close', reason !== undefined]])
    expect(await written).toMatchObject({ code: 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION' })
    expect(await queued).toBe('called')
  })

  it('tells an end that waited, too', async () => {
    const { path } = await vmm((socket) => socket.end())
    const socket = dial(path).on('error', () => {})
    const ended = new Promise<unknown>((resolve) => socket.end((error?: Error) => resolve(error)))
    expect(await ended).toBeInstanceOf(Error)
  })

  it('leaves no descriptor behind after 200 refusals', async () => {
    const { path } = await vmm((socket) => socket.end())
    await closing(dial(path))
    const before = descriptors()
    for (let round = 0; round < 10; round++) {
      const errors = await Promise.all(Array.from({ length: 20 }, () => closing(dial(path))))
      expect(errors.map((error) => error?.code)).toEqual(Array(20).fill('ECONNRESET'))
    }
    await noLeak(before)
  })
})
