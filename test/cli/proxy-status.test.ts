import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import type net from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { askStatus, monitorOf } from '../../cli/proxy-status.js'
import { temporaryFolder } from '../support/cli.js'
import { refusal } from '../support/errors.js'

const LISTENER = {
  name: 'vsock:ANY:8000',
  to: 'kms.test:443',
  open: 1,
  waiting: 0,
  accepted: 2,
  ended: { ended: 1 },
  bytesUp: 8,
  bytesDown: 8,
  draining: false,
}
const STATUS = { state: 'serving', pid: 1, uptime: 2, connections: 1, listeners: [LISTENER] }

const serve = async (body: string, status = 200): Promise<URL> => {
  const server = http.createServer((_, response) => void response.writeHead(status).end(body))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`)
}

describe("the monitor's answer", () => {
  it('is taken with what a later proxy adds to it', async () => {
    const status = { ...STATUS, later: 1, listeners: [{ ...LISTENER, later: [2] }] }
    expect(await askStatus(await serve(JSON.stringify(status)))).toEqual(status)
  })

  it.each([
    '<html>',
    '',
    'null',
    '{}',
    '[]',
    JSON.stringify({ ...STATUS, state: 'up' }),
    JSON.stringify({ ...STATUS, pid: '1' }),
    JSON.stringify({ ...STATUS, listeners: [{ ...LISTENER, name: undefined }] }),
    JSON.stringify({ ...STATUS, listeners: [{ ...LISTENER, to: {} }] }),
    JSON.stringify({ ...STATUS, listeners: [{ ...LISTENER, ended: { ended: 'often' } }] }),
    JSON.stringify({ ...STATUS, listeners: [{ ...LISTENER, bytesUp: '8' }] }),
    ' '.repeat(4 * 1024 * 1024) + JSON.stringify(STATUS),
  ])('is not %.40s', async (body) => {
    const url = await serve(body)
    expect(await refusal(() => askStatus(url))).toMatchObject({
      name: 'OperationError',
      code: 'ERR_PROXY_MONITOR',
      message: `${url.host} answered, but it is no proxy's monitor`,
    })
  })

  it('is no error of HTTP', async () => {
    const url = await serve(JSON.stringify(STATUS), 404)
    expect(await refusal(() => askStatus(url))).toMatchObject({
      code: 'ERR_PROXY_MONITOR',
      message: `${url.host} answered, but it is no proxy's monitor`,
    })
  })
})

describe('the monitor', () => {
  it.each(['127.0.0.1:9465', '127.1.2.3:1', '[::1]:65535'])('may be %s', async (monitor) => {
    expect((await monitorOf({ monitor })).href).toBe(`http://${monitor}/`)
  })

  it.each([
    '',
    '9465',
    ':9465',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:9465/metrics',
    'user@127.0.0.1:9465',
    'localhost:9465',
    '::1:9465',
    '192.0.2.1:9465',
    '[2001:db8::1]:9465',
    '0.0.0.0:9465',
  ])('is not %j', async (monitor) => {
    expect(await refusal(() => monitorOf({ monitor }))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_USAGE',
      message: expect.stringMatching(/^--monitor: HOST:PORT with a loopback IP address/),
    })
  })

  it("is the file's, at a port that the file tells", async () => {
    const config = join(temporaryFolder(), 'proxy.yaml')
    const listeners = 'listeners: [{listen: "vsock:ANY:8000", credentials: {source: imds}}]\n'
    writeFileSync(config, `monitor: "[::1]:9465"\n${listeners}`)
    expect((await monitorOf({ config })).href).toBe('http://[::1]:9465/')
    writeFileSync(config, `monitor: "127.0.0.1:0"\n${listeners}`)
    expect(await refusal(() => monitorOf({ config }))).toMatchObject({
      code: 'ERR_PROXY_CONFIG',
      message: expect.stringContaining('give --monitor HOST:PORT'),
    })
  })
})
