/** What is particular to Unix sockets; the rest is in unix-conformance.test.ts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type net from 'node:net'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connect, listen, unixTransport } from '../../../shared/vsock/index.js'
import { failure, read } from '../../support/vsock-conformance-bench.js'
import { startStuckListener } from './stuck-listener.js'

const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'v-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const serve = async (options: Parameters<typeof listen>[0]): Promise<net.Server> => {
  const server = await listen(options)
  onTestFinished(() => void server.close())
  return server
}

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

it('fails with EAGAIN when the backlog is full', async () => {
  const path = directory()
  await startStuckListener(join(path, '3.8000'))
  const socket = connect({ cid: 3, port: 8000, transport: unixTransport(path) })
  expect(await failure(socket)).toMatchObject({ code: 'EAGAIN' })
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

it('names the directory that is missing', async () => {
  const missing = join(directory(), 'none')
  const path = join(missing, '3.8000')
  await expect(listen({ cid: 3, port: 8000, transport: unixTransport(missing) })).rejects.toMatchObject({
    code: 'ENOENT',
    errno: -constants.errno.ENOENT,
    syscall: 'listen',
    address: path,
    message: `listen ENOENT ${path} (there is no directory ${missing})`,
  })
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
