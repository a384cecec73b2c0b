/** What runs over sockets unchanged: TLS 1.3 and http. */
import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import tls from 'node:tls'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { type Bench, digest, failure, payload, read } from './vsock-conformance-bench.js'
import { selfSigned, type TlsIdentity } from './vsock-conformance-identity.js'

const MIB = 1024 * 1024

export function protocols(bench: () => Bench): void {
  let identity: TlsIdentity
  beforeAll(async () => {
    identity = await selfSigned('enclave.test')
  })

  const secure = (socket: net.Socket, options: tls.ConnectionOptions = {}) =>
    tls.connect({ socket, servername: 'enclave.test', ca: identity.cert, minVersion: 'TLSv1.3', ...options })

  it('TLS 1.3 wraps a socket that is still connecting', async () => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const server = await serve(port)
    const secured = tls.createServer({ ...identity, minVersion: 'TLSv1.3', allowHalfOpen: true })
    secured.on('secureConnection', (socket) => socket.pipe(socket))
    server.on('connection', (socket) => secured.emit('connection', socket))
    const socket = dial(port)
    expect(socket.connecting).toBe(true)
    const client = secure(socket)
    const { bytes, sum } = payload(4 * MIB)
    const received = digest(client)
    client.end(bytes)
    await once(client, 'secureConnect')
    expect(client.getProtocol()).toBe('TLSv1.3')
    expect(client.authorized).toBe(true)
    expect(await received).toEqual(sum)
  })

  it('TLS 1.3 wraps an accepted socket', async () => {
    const { client, accepted } = await bench().pair()
    const server = new tls.TLSSocket(accepted, { isServer: true, ...identity })
    const received = read(server)
    secure(client).end('sealed')
    expect(await received).toBe('sealed')
    server.end()
  })

  it('TLS refuses a server that is somebody else', async () => {
    const { client, accepted } = await bench().pair()
    new tls.TLSSocket(accepted, { isServer: true, ...identity }).on('error', () => {})
    const stranger = secure(client, { servername: 'other.test' })
    expect(await failure(stranger)).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('TLS reports a connection that was refused', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const socket = dial(port)
    // Node tells the wrapper or the socket below it, depending on its version.
    const error = await Promise.race([failure(secure(socket)), failure(socket)])
    expect(error).toMatchObject(rig.refused(port))
  })

  /** An http server over listen(), and an agent over connect() that counts. */
  const web = async (handler: http.RequestListener, options: http.AgentOptions = {}) => {
    const { rig, serve, dial } = bench()
    const port = rig.port()
    const requests = http.createServer(handler)
    const server = await serve(port)
    server.on('connection', (socket) => requests.emit('connection', socket))
    const dials: net.Socket[] = []
    class VsockAgent extends http.Agent {
      override createConnection(): net.Socket {
        const socket = dial(port)
        dials.push(socket)
        return socket
      }
    }
    const agent = new VsockAgent(options)
    onTestFinished(() => {
      agent.destroy()
      requests.closeAllConnections()
    })
    return { agent, dials, dial: () => dial(port) }
  }

  const answer = async (request: http.ClientRequest): Promise<http.IncomingMessage> => {
    const [response]: http.IncomingMessage[] = await once(request, 'response')
    if (response === undefined) throw new Error('no response')
    return response
  }

  it('http runs over one connection', async () => {
    const { dial } = await web((_, response) => response.end('hello'))
    const request = http.get({ host: 'enclave', createConnection: dial })
    expect(await read(await answer(request))).toBe('hello')
  })

  it('http.Agent with keepAlive uses one connection again', async () => {
    const { agent, dials } = await web((request, response) => response.end(request.url), { keepAlive: true })
    for (const path of ['/1', '/2', '/3']) {
      const response = await answer(http.get({ host: 'enclave', path, agent }))
      expect(await read(response)).toBe(path)
      // The agent takes the socket back after the response's end.
      await new Promise(setImmediate)
    }
    expect(dials).toHaveLength(1)
  })

  it('http serves 40 requests in parallel over 4 connections', async () => {
    const { agent, dials } = await web((request, response) => request.pipe(response), {
      keepAlive: true,
      maxSockets: 4,
    })
    const texts = Array.from({ length: 40 }, (_, index) => `body ${index}`)
    const answers = texts.map(async (text) => {
      const request = http.request({ host: 'enclave', method: 'POST', agent })
      request.end(text)
      return read(await answer(request))
    })
    expect(await Promise.all(answers)).toEqual(texts)
    expect(dials).toHaveLength(4)
  })

  it('http streams 8 MiB there and back at once', async () => {
    const { agent } = await web((request, response) => request.pipe(response))
    const { bytes, sum } = payload(8 * MIB)
    const request = http.request({ host: 'enclave', method: 'POST', agent })
    for (let at = 0; at < bytes.length; at += MIB) request.write(bytes.subarray(at, at + MIB))
    request.end()
    expect(await digest(await answer(request))).toEqual(sum)
  })

  it('http reports a connection that was refused', async () => {
    const { rig, dial } = bench()
    const port = rig.port()
    const request = http.get({ host: 'enclave', createConnection: () => dial(port) })
    const [error] = await once(request, 'error')
    expect(error).toMatchObject(rig.refused(port))
  })
}
