import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { listenUnix } from '../../../shared/vsock/unix-listener.js'
import { read } from '../../support/vsock-conformance-bench.js'

const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'v-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const makeServer = (): net.Server => {
  const server = net.createServer()
  onTestFinished(() => void server.close())
  return server
}

it('calls no directory missing that is there', async () => {
  // Of a file that cannot be made in it, /proc says what others say of a missing directory.
  const error = {
    code: 'EACCES',
    syscall: 'listen',
    message: 'listen EACCES: permission denied /proc/3.8000',
  }
  await expect(listenUnix(makeServer(), '/proc/3.8000', 1)).rejects.toMatchObject(error)
})

it('does not try again where nothing stands in its way', async () => {
  const server = makeServer()
  const attempts = vi.spyOn(server, 'listen')
  const listening = listenUnix(server, join(directory(), 'none', '3.8000'), 1)
  await expect(listening).rejects.toMatchObject({ code: 'ENOENT' })
  expect(attempts).toHaveBeenCalledOnce()
})

it('listens where a socket file has gone meanwhile', async () => {
  const path = join(directory(), '3.8000')
  const old = makeServer()
  await once(old.listen(path), 'listening')
  const server = makeServer()
  server.on('connection', (socket) => socket.end('new'))
  const listening = listenUnix(server, path, 1)
  rmSync(path)
  await listening
  expect(await read(net.connect(path))).toBe('new')
})
