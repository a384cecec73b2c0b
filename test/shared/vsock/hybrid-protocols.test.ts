import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type net from 'node:net'
import tls from 'node:tls'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { EnclaveAgent } from '../../../enclave/kms/agent.js'
import { connect, hybridTransport } from '../../../shared/vsock/index.js'
import { closing, digest, payload, read } from '../../support/vsock-conformance-bench.js'
import { selfSigned, type TlsIdentity } from '../../support/vsock-conformance-identity.js'
import { OK, startVmm } from './hybrid-vmm.js'

const HOST = 'enclave.test'

let identity: TlsIdentity
beforeAll(async () => {
  identity = await selfSigned(HOST)
})

/** A guest that gives its connections to `server`, some time after it was asked. */
const serve = async (server: { emit(name: 'connection', socket: net.Socket): boolean }) => {
  const { path, close, heard } = await startVmm((socket) => {
    setTimeout(() => {
      socket.write(OK)
      server.emit('connection', socket)
    }, 20)
  })
  onTestFinished(close)
  const transport = hybridTransport(path)
  return { heard, dial: () => connect({ cid: 3, port: 443, transport }) }
}

const secure = (socket: net.Socket) => tls.connect({ socket, servername: HOST, ca: identity.cert })

it.each(['at once', 'when it is connected'])('TLS 1.3 wraps the socket %s', async (when) => {
  const server = tls.createServer({ ...identity, allowHalfOpen: true }, (socket) => socket.pipe(socket))
  const { dial } = await serve(server)
  const socket = dial()
  if (when !== 'at once') await once(socket, 'connect')
  expect(socket.connecting).toBe(when === 'at once')
  const client = secure(socket)
  const { bytes, sum } = payload(8 * 2 ** 20)
  const received = digest(client)
  client.once('secureConnect', () => expect(client.getProtocol()).toBe('TLSv1.3'))
  client.end(bytes)
  expect(await received).toEqual(sum)
  expect(client.authorized).toBe(true)
  await Promise.all([socket.destroyed || once(socket, 'close'), client.destroyed || once(client, 'close')])
})

it('TLS closes the socket below it, and the other way round', async () => {
  const server = tls.createServer(identity, (socket) => socket.on('error', () => {}).resume())
  const { dial } = await serve(server)
  for (const end of ['socket', 'client'] as const) {
    const socket = dial()
    const pair = { socket, client: secure(socket) }
    await once(pair.client, 'secureConnect')
    const closed = Promise.all([closing(pair.socket), closing(pair.client)])
    pair[end].destroy()
    await closed
  }
})

it('EnclaveAgent goes through it, and keeps the connection', async () => {
  const server = https.createServer(identity, (request, response) => response.end(request.url))
  const { dial, heard } = await serve(server)
  const agent = new EnclaveAgent({ host: HOST, dial, trustAnchors: [identity.cert] })
  onTestFinished(() => agent.destroy())
  for (const path of ['/one', '/two', '/three']) {
    const [response]: http.IncomingMessage[] = await once(https.get({ host: HOST, path, agent }), 'response')
    expect(response && (await read(response))).toBe(path)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(heard).toEqual(['CONNECT 443\n'])
})

it('EnclaveAgent reports that nobody listens', async () => {
  const { path, close } = await startVmm((socket) => socket.end())
  onTestFinished(close)
  const dial = () => connect({ cid: 3, port: 443, transport: hybridTransport(path) })
  const agent = new EnclaveAgent({ host: HOST, dial, trustAnchors: [identity.cert] })
  const [error] = await once(https.get({ host: HOST, agent }), 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET', syscall: 'connect', address: `hybrid:${path}:443` })
})

it('http.Agent keeps connections and streams bodies', async () => {
  const { dial, heard } = await serve(http.createServer((request, response) => request.pipe(response)))
  class Agent extends http.Agent {
    override createConnection(): net.Socket {
      return dial()
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  onTestFinished(() => agent.destroy())
  const exchange = async () => {
    const { bytes, sum } = payload(2 ** 20)
    const request = http.request({ method: 'POST', agent })
    request.end(bytes)
    const [response]: http.IncomingMessage[] = await once(request, 'response')
    expect(response && (await digest(response))).toEqual(sum)
  }
  await Promise.all(Array.from({ length: 12 }, exchange))
  expect(heard).toHaveLength(2)
})

it('HTTP/2 runs over it', async () => {
  const server = http2.createServer((request, response) => request.pipe(response))
  const { dial } = await serve(server)
  const session = http2.connect('http://enclave.test', { createConnection: dial })
  onTestFinished(() => session.destroy())
  const { bytes, sum } = payload(2 ** 20)
  const bodies = Array.from({ length: 4 }, () => {
    const stream = session.request({ ':method': 'POST' })
    stream.end(bytes)
    return digest(stream)
  })
  expect(await Promise.all(bodies)).toEqual(Array(4).fill(sum))
})
