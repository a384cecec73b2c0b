import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { listensAt, read, startUpstream, until } from '../parent-proxy/rig.js'
import { temporaryFolder } from '../support/cli.js'
import { BIN } from '../support/proxy-process.js'

/** Twice as many lines as a pipe holds. */
const CONNECTIONS = 500

/** The proxy with `stderr` as the place for its log. */
const start = async (stderr: number) => {
  const { endpoint } = await startUpstream((socket: net.Socket) => void socket.pipe(socket), 'tcp')
  if (!('address' in endpoint)) throw new Error('not over TCP')
  const folder = temporaryFolder()
  const file = join(folder, 'proxy.yaml')
  const to = `${endpoint.address}:${endpoint.port}`
  const listeners = [{ listen: `unix:${folder}:8000`, to }]
  writeFileSync(file, JSON.stringify({ allowlist: [endpoint], listeners }))
  const child = spawn(process.execPath, [BIN, 'proxy', '--config', file], {
    stdio: ['ignore', 'ignore', stderr],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await until(() => listensAt(join(folder, '3.8000')))
  const transport = unixTransport(folder)
  const exchange = async () => {
    const client = connect({ cid: 3, port: 8000, transport, allowHalfOpen: true })
    client.end('ping')
    return String(await read(client))
  }
  return { child, exchange }
}

it('goes on, and ends, when the reader of its log has stopped reading', async () => {
  const pipe = join(temporaryFolder(), 'log')
  execFileSync('mkfifo', [pipe])
  const stderr = openSync(pipe, 'r+')
  onTestFinished(() => closeSync(stderr))
  const { child, exchange } = await start(stderr)
  for (let count = 0; count < CONNECTIONS; count += 1) expect(await exchange()).toBe('ping')
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
})

it('goes on, and ends, when the reader of its log is gone', async () => {
  const pipe = join(temporaryFolder(), 'log')
  execFileSync('mkfifo', [pipe])
  const both = openSync(pipe, 'r+')
  const stderr = openSync(pipe, 'w')
  closeSync(both)
  const { child, exchange } = await start(stderr)
  closeSync(stderr)
  expect(await exchange()).toBe('ping')
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
})

it('writes its log to a file', async () => {
  const file = join(temporaryFolder(), 'log')
  const stderr = openSync(file, 'w')
  const { child, exchange } = await start(stderr)
  closeSync(stderr)
  expect(await exchange()).toBe('ping')
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'listening',
    'serving',
    'connection',
    'draining',
    'stopped listening',
    'ended',
  ])
})
