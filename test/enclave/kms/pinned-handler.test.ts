import type { RequestListener } from 'node:http'
import type { Logger } from '@smithy/types'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { EnclaveAgent } from '../../../enclave/kms/agent.js'
import { PinnedHandler } from '../../../enclave/kms/pinned-handler.js'
import { type Authority, createAuthority, startHttps, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const MINUTE = 60_000

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function kms(handler: RequestListener): Promise<TestServer> {
  const server = await startHttps(await authority.issue(HOST), handler)
  cleanups.push(() => server.close())
  return server
}

/** A handler with one connection at most. */
function handlerOver({ dial }: TestServer, requestTimeout: number, logger?: Logger): PinnedHandler {
  const agent = new EnclaveAgent({ host: HOST, dial, trustAnchors: [authority.certificate], maxSockets: 1 })
  const handler = new PinnedHandler(HOST, agent, requestTimeout, logger)
  cleanups.push(() => handler.destroy())
  return handler
}

/** As the SDK hands it over. */
const request = { protocol: 'https:', hostname: HOST, method: 'POST', path: '/', headers: {} } as never

/** Timers that hold the process. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('after an answer', () => {
  it('no timer holds the process', async () => {
    const handler = handlerOver(await kms((_, response) => response.end('{}')), MINUTE)
    const before = timers()
    const { response } = await handler.handle(request, {})
    expect(timers()).toBe(before + 1)
    await response.body.toArray()
    await new Promise((resolve) => setImmediate(resolve))
    expect(timers()).toBe(before)
  })
})

describe('destroy', () => {
  it('ends a connection that was opened ahead of the first request', async () => {
    const server = await kms((_, response) => response.end())
    const agent = new EnclaveAgent({ host: HOST, dial: server.dial, trustAnchors: [authority.certificate] })
    agent.connectAhead()
    new PinnedHandler(HOST, agent, MINUTE).destroy()
    expect(server.carriers.map(({ destroyed }) => destroyed)).toEqual([true])
  })

  it('ends a connection that is kept for the next request', async () => {
    const server = await kms((_, response) => response.end())
    const handler = handlerOver(server, MINUTE)
    const { response } = await handler.handle(request, {})
    await response.body.toArray()
    const [carrier] = server.carriers
    expect(carrier?.destroyed).toBe(false)
    handler.destroy()
    expect(carrier?.destroyed).toBe(true)
  })
})

describe('requests that wait long for a connection', () => {
  it('are told to the logger, not to the console', async () => {
    const server = await kms(() => undefined)
    const told = new Promise<string>((resolve) => {
      const spoken = vi.spyOn(console, 'warn').mockImplementation((text) => resolve(`console: ${text}`))
      cleanups.push(() => spoken.mockRestore())
      const logger = { trace() {}, debug() {}, info() {}, error() {}, warn: resolve }
      const handler = handlerOver(server, 50, logger)
      for (let i = 0; i < 4; i++) handler.handle(request, { requestTimeout: MINUTE }).catch(() => undefined)
    })
    expect(await told).toMatch(/^@smithy.* socket usage at capacity=1 /)
  })
})
