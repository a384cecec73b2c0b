import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import {
  connect,
  hybridTransport,
  listen,
  PARENT_CID,
  parseVsockAddress,
} from '../../../shared/vsock/index.js'
import { closing, read } from '../../support/vsock-conformance-bench.js'
import { startVmm } from './hybrid-vmm.js'
import { startStuckListener } from './stuck-listener.js'

/** Where a VMM's socket would be. */
const place = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'h-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'v.sock')
}

it.each([undefined, 2, PARENT_CID])(
  "listens where the VMM takes a guest's connections: CID %s",
  async (cid) => {
    const path = place()
    const server = await listen({ port: 8000, transport: hybridTransport(path), ...(cid && { cid }) })
    server.on('connection', (socket) => socket.end('hello'))
    // As the VMM does: no handshake this way.
    expect(await read(net.connect(`${path}_8000`))).toBe('hello')
    server.close()
    await once(server, 'close')
    expect(existsSync(`${path}_8000`)).toBe(false)
  },
)

it('replaces a socket file that a dead process left behind, and no other', async () => {
  const path = place()
  const code = `require('node:net').createServer().listen('${path}_1', () => process.kill(process.pid, 9))`
  await once(spawn(process.execPath, ['-e', code]), 'exit')
  expect(existsSync(`${path}_1`)).toBe(true)
  const transport = hybridTransport(path)
  const server = await listen({ port: 1, transport })
  onTestFinished(() => void server.close())
  // listen() looks whether anybody is there, and goes away.
  server.on('connection', (socket) => socket.on('error', () => {}).end('new'))
  expect(await read(net.connect(`${path}_1`))).toBe('new')
  await expect(listen({ port: 1, transport })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  writeFileSync(`${path}_2`, 'precious')
  await expect(listen({ port: 2, transport })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(existsSync(`${path}_2`)).toBe(true)
})

it('counts the port in the length of the path', async () => {
  const path = place().padEnd(107 - '_8000'.length, 'x')
  const server = await listen({ port: 8000, transport: hybridTransport(path) })
  onTestFinished(() => void server.close())
  expect(existsSync(`${path}_8000`)).toBe(true)
  await expect(listen({ port: 80_000, transport: hybridTransport(path) })).rejects.toMatchObject({
    code: 'ERR_VSOCK_ADDRESS',
    message: expect.stringContaining('107'),
  })
})

it('looks at no CID, and at no address text but its own', async () => {
  const { path, close, heard } = await startVmm((socket) => socket.end('OK 52\nguest'))
  onTestFinished(close)
  const parsed = parseVsockAddress(`hybrid:${path}:52`)
  expect(parsed).toMatchObject({ cid: PARENT_CID, port: 52 })
  for (const cid of [0, 2, 3, 16]) expect(await read(connect({ ...parsed, cid }))).toBe('guest')
  expect(heard).toEqual(Array(4).fill('CONNECT 52\n'))
})

it.each(['', '/run/v\0.sock'])('refuses the path %j', (path) => {
  const message = "a hybrid transport needs the path of the VMM's socket"
  expect(() => hybridTransport(path)).toThrow(expect.objectContaining({ code: 'ERR_VSOCK_ADDRESS', message }))
})

/** How a connect to a VMM's socket at `path` ends. */
const attempt = (path: string): Promise<NodeJS.ErrnoException | undefined> =>
  closing(connect({ cid: 3, port: 52, transport: hybridTransport(path) }))

it('reports what the system says of a VMM that cannot be reached', async () => {
  const missing = place()
  const error = { code: 'ENOENT', syscall: 'connect', address: missing }
  expect(await attempt(missing)).toMatchObject(error)
  const file = place()
  writeFileSync(file, '')
  expect(await attempt(file)).toMatchObject({ code: 'ECONNREFUSED', address: file })
  const stuck = place()
  await startStuckListener(stuck)
  expect(await attempt(stuck)).toMatchObject({ code: 'EAGAIN', address: stuck })
})

it('refuses a path of more than 107 bytes to the VMM, and takes one of 107', async () => {
  const path = place().padEnd(107, 'x')
  const server = net.createServer((socket) => socket.end('OK 1\nhello')).listen(path)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const dial = (to: string) => connect({ cid: 3, port: 52, transport: hybridTransport(to) })
  expect(await read(dial(path))).toBe('hello')
  const refused = { code: 'ERR_VSOCK_ADDRESS', message: expect.stringContaining('107') }
  expect(() => dial(`${path}x`)).toThrow(expect.objectContaining(refused))
})
