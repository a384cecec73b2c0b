import { once } from 'node:events'
import https from 'node:https'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { type Dial, EnclaveAgent } from '../../../enclave/kms/agent.js'
import { type Authority, createAuthority, startHttps, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

/** Says `hello`, and tells of each TLS connection. */
async function greeter(by = authority): Promise<TestServer> {
  const server = await startHttps(await by.issue(HOST), (_, response) => response.end('hello'))
  onTestFinished(() => server.close())
  return server
}

function agentOver(dial: Dial): EnclaveAgent {
  const agent = new EnclaveAgent({ host: HOST, dial, trustAnchors: [authority.certificate] })
  onTestFinished(() => agent.destroy())
  return agent
}

const closed = (socket: net.Socket | undefined): Promise<unknown> =>
  new Promise((resolve) => socket?.once('close', resolve))

function get(agent: EnclaveAgent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: HOST, agent }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
    })
    request.on('error', reject)
  })
}

it('gives the first request the connection that stands, and the next one too', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  agent.connectAhead()
  expect(server.carriers).toHaveLength(1)
  expect(await get(agent)).toBe('hello')
  expect(await get(agent)).toBe('hello')
  expect(server.carriers).toHaveLength(1)
})

it('opens another for a second request at the same time', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  agent.connectAhead()
  expect(await Promise.all([get(agent), get(agent)])).toEqual(['hello', 'hello'])
  expect(server.carriers).toHaveLength(2)
})

it('lets a request open its own when the one made ahead failed', async () => {
  const server = await greeter()
  const failing = [() => net.connect('/nobody/listens'), server.dial]
  const dialled: net.Socket[] = []
  const agent = agentOver(() => {
    const socket = (failing[dialled.length] ?? server.dial)()
    dialled.push(socket)
    return socket
  })
  agent.connectAhead()
  await closed(dialled[0])
  expect(await get(agent)).toBe('hello')
})

it('lets a request open its own when the one made ahead has ended', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  agent.connectAhead()
  const [carrier] = server.carriers
  const end = closed(carrier)
  carrier?.destroy()
  await end
  expect(await get(agent)).toBe('hello')
})

it('is no matter of anybody when it breaks before a request has it', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  const creating = vi.spyOn(agent, 'createConnection')
  agent.connectAhead()
  const secure = creating.mock.results[0]?.value as TLSSocket
  await once(secure, 'secureConnect')
  const end = closed(secure)
  server.carriers[0]?.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  await end
  expect(await get(agent)).toBe('hello')
})

it('stays for the next request when an earlier one ends', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  agent.connectAhead()
  await get(agent)
  agent.connectAhead()
  const [first] = server.carriers
  const end = closed(first)
  first?.destroy()
  await end
  expect(await get(agent)).toBe('hello')
  expect(server.carriers).toHaveLength(2)
})

it('says nothing when dialling throws, and the request says it', async () => {
  const agent = agentOver(() => {
    throw new Error('no way there')
  })
  agent.connectAhead()
  await expect(get(agent)).rejects.toThrow('no way there')
})

it('trusts no more than other connections', async () => {
  const server = await greeter(await createAuthority())
  const agent = agentOver(server.dial)
  agent.connectAhead()
  await expect(get(agent)).rejects.toMatchObject({ code: 'CERT_SIGNATURE_FAILURE' })
})

it('ends with the agent', async () => {
  const server = await greeter()
  const agent = agentOver(server.dial)
  agent.connectAhead()
  const [carrier] = server.carriers
  const end = closed(carrier)
  agent.destroy()
  await end
  expect(carrier?.destroyed).toBe(true)
})
