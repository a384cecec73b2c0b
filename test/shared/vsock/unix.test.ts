import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, it, onTestFinished, vi } from 'vitest'
import { connect, listen, unixTransport } from '../../../shared/vsock/index.js'
import { startStuckListener } from './stuck-listener.js'

const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'v-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const failure = async (socket: net.Socket): Promise<NodeJS.ErrnoException> => {
  const [error] = await once(socket, 'error')
  return error
}

const serve = async (options: Parameters<typeof listen>[0]): Promise<net.Server> => {
  const server = await listen(options)
  onTestFinished(() => void server.close())
  return server
}

/** Everything until the peer ends. Not `for await`, which destroys a socket that could still be written to. */
const read = (stream: Readable): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('end', () => resolve(text))
    stream.on('error', reject)
  })

it('echoes, with half-close', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  server.on('connection', async (socket) => socket.end(`got ${await read(socket)}`))
  const socket = connect({ cid: 3, port: 8000, transport })
  socket.end('ping')
  expect(await read(socket)).toBe('got ping')
})

it('keeps the client half open when asked to', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  const received = new Promise<string>((resolve) => {
    server.on('connection', (socket) => {
      socket.end('first')
      resolve(read(socket))
    })
  })
  const socket = connect({ cid: 3, port: 8000, transport, allowHalfOpen: true })
  socket.resume()
  await once(socket, 'end')
  socket.end('last')
  expect(await received).toBe('last')
})

it('keeps CIDs and ports apart', async () => {
  const transport = unixTransport(directory())
  for (const [cid, port] of [
    [3, 1],
    [3, 2],
    [16, 1],
  ] as const) {
    const server = await serve({ cid, port, transport })
    server.on('connection', (socket) => socket.end(`${cid}.${port}`))
  }
  expect(await read(connect({ cid: 3, port: 2, transport }))).toBe('3.2')
  expect(await read(connect({ cid: 16, port: 1, transport }))).toBe('16.1')
})

it('carries http', async () => {
  const transport = unixTransport(directory())
  const requests = http.createServer((_, response) => response.end('hello'))
  const server = await serve({ cid: 3, port: 80, transport })
  server.on('connection', (socket) => requests.emit('connection', socket))
  const createConnection = () => connect({ cid: 3, port: 80, transport })
  const [response] = await once(http.get({ host: 'enclave', createConnection }), 'response')
  expect(await read(response)).toBe('hello')
})

it('reads nothing from a paused connection', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport, pauseOnConnect: true })
  const socket = connect({ cid: 3, port: 8000, transport })
  socket.end('ping')
  const [accepted]: net.Socket[] = await once(server, 'connection')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(accepted?.readableLength).toBe(0)
  accepted?.resume().end()
})

it('reports a port that nobody listens on', async () => {
  const transport = unixTransport(directory())
  const { signal } = new AbortController()
  const removed = vi.spyOn(signal, 'removeEventListener')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  const set = vi.spyOn(globalThis, 'setTimeout')
  const socket = connect({ cid: 3, port: 8000, transport, signal })
  const timer = set.mock.results[0]?.value
  const closed = new Promise((resolve) => socket.on('close', resolve))
  expect(await failure(socket)).toMatchObject({ code: 'ENOENT' })
  await closed
  expect(cleared).toHaveBeenCalledWith(timer)
  expect(removed).toHaveBeenCalledOnce()
  vi.restoreAllMocks()
})

it('fails with EAGAIN when the backlog is full', async () => {
  const path = directory()
  await startStuckListener(join(path, '3.8000'))
  const socket = connect({ cid: 3, port: 8000, transport: unixTransport(path) })
  expect(await failure(socket)).toMatchObject({ code: 'EAGAIN' })
})

/** Connects to nothing, for ever. */
const silent = { connect: () => new net.Socket(), listen: async () => {} }

it('fails with ETIMEDOUT at the deadline', async () => {
  const began = performance.now()
  const socket = connect({ cid: 3, port: 8000, transport: silent, timeout: 100 })
  const error = await failure(socket)
  expect(error).toMatchObject({ name: 'OperationError', code: 'ETIMEDOUT' })
  expect(error.message).toContain('vsock 3:8000')
  expect(performance.now() - began).toBeGreaterThan(80)
  expect(socket.destroyed).toBe(true)
})

it('gives up at an abort', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const socket = connect({ cid: 3, port: 8000, transport: silent, signal })
  setTimeout(() => controller.abort(new Error('enough')), 30)
  const error = await failure(socket)
  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } })
  expect(socket.destroyed).toBe(true)
})

it('does not begin after an abort', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  const accepted = vi.fn()
  server.on('connection', accepted)
  const signal = AbortSignal.abort()
  expect(await failure(connect({ cid: 3, port: 8000, transport, signal }))).toMatchObject({
    name: 'AbortError',
  })
})

it('leaves no limit on an established connection', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  server.on('connection', (socket) => socket.pipe(socket))
  const controller = new AbortController()
  const { signal } = controller
  const removed = vi.spyOn(signal, 'removeEventListener')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  const set = vi.spyOn(globalThis, 'setTimeout')
  const socket = connect({ cid: 3, port: 8000, transport, timeout: 100, signal })
  const timer = set.mock.results[0]?.value
  await once(socket, 'connect')
  expect(cleared).toHaveBeenCalledWith(timer)
  expect(removed).toHaveBeenCalledOnce()
  vi.restoreAllMocks()
  controller.abort()
  await new Promise((resolve) => setTimeout(resolve, 150))
  socket.end('still here')
  expect(await read(socket)).toBe('still here')
})

it('takes Infinity for no limit', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  server.on('connection', (socket) => socket.end('hello'))
  const set = vi.spyOn(globalThis, 'setTimeout')
  const socket = connect({ cid: 3, port: 8000, transport, timeout: Infinity })
  expect(set).not.toHaveBeenCalled()
  vi.restoreAllMocks()
  expect(await read(socket)).toBe('hello')
})

it('refuses a path of more than 107 bytes, and takes one of 107', async () => {
  const base = directory()
  const room = 107 - base.length - '//3.8000'.length
  const exact = join(base, 'x'.repeat(room))
  const wide = join(base, `${'x'.repeat(room - 1)}ü`)
  for (const path of [exact, wide]) mkdirSync(path)
  const server = await serve({ cid: 3, port: 8000, transport: unixTransport(exact) })
  server.on('connection', (socket) => socket.end('hello'))
  expect(existsSync(join(exact, '3.8000'))).toBe(true)
  expect(await read(connect({ cid: 3, port: 8000, transport: unixTransport(exact) }))).toBe('hello')

  const refused = { code: 'ERR_VSOCK_ADDRESS', message: expect.stringContaining('107') }
  const transport = unixTransport(wide)
  await expect(listen({ cid: 3, port: 8000, transport })).rejects.toMatchObject(refused)
  expect(() => connect({ cid: 3, port: 8000, transport })).toThrow(expect.objectContaining(refused))
})

/** A socket file whose owner was killed. */
const leaveStale = async (path: string): Promise<void> => {
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
  await once(spawn(process.execPath, ['-e', code]), 'exit')
  expect(existsSync(path)).toBe(true)
}

it('removes its socket file on close', async () => {
  const path = directory()
  const server = await listen({ cid: 3, port: 8000, transport: unixTransport(path) })
  expect(existsSync(join(path, '3.8000'))).toBe(true)
  server.close()
  await once(server, 'close')
  expect(existsSync(join(path, '3.8000'))).toBe(false)
})

it('replaces a stale socket file', async () => {
  const path = directory()
  const transport = unixTransport(path)
  await leaveStale(join(path, '3.8000'))
  const server = await serve({ cid: 3, port: 8000, transport })
  server.on('connection', (socket) => socket.end('new'))
  expect(await read(connect({ cid: 3, port: 8000, transport }))).toBe('new')
})

it('lets one of many replace a stale socket file', async () => {
  const path = directory()
  const transport = unixTransport(path)
  await leaveStale(join(path, '3.8000'))
  const attempts = Array.from({ length: 8 }, () => listen({ cid: 3, port: 8000, transport }))
  const results = await Promise.allSettled(attempts)
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  for (const server of servers) {
    server.on('connection', (socket) => socket.end('the one'))
    onTestFinished(() => void server.close())
  }
  expect(servers).toHaveLength(1)
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'EADDRINUSE' })
  }
  expect(await read(connect({ cid: 3, port: 8000, transport }))).toBe('the one')
})

it('leaves a live socket alone', async () => {
  const transport = unixTransport(directory())
  const server = await serve({ cid: 3, port: 8000, transport })
  server.on('connection', (socket) => socket.on('error', () => {}).end('old'))
  await expect(listen({ cid: 3, port: 8000, transport })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(await read(connect({ cid: 3, port: 8000, transport }))).toBe('old')
})

it('leaves a live socket with a full backlog alone', async () => {
  const path = directory()
  await startStuckListener(join(path, '3.8000'))
  const listening = listen({ cid: 3, port: 8000, transport: unixTransport(path) })
  await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(existsSync(join(path, '3.8000'))).toBe(true)
})

it('never deletes what is no socket', async () => {
  const path = directory()
  const transport = unixTransport(path)
  writeFileSync(join(path, '3.1'), 'precious')
  await leaveStale(join(path, 'stale'))
  symlinkSync(join(path, 'stale'), join(path, '3.2'))
  for (const port of [1, 2]) {
    await expect(listen({ cid: 3, port, transport })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(existsSync(join(path, `3.${port}`))).toBe(true)
  }
})

it('reports a directory that is not there', async () => {
  const transport = unixTransport(join(directory(), 'none'))
  await expect(listen({ cid: 3, port: 1, transport })).rejects.toMatchObject({ syscall: 'listen' })
})
