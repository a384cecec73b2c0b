import { once } from 'node:events'
import net from 'node:net'
import { DescribeKeyCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Dial } from '../../../enclave/kms/agent.js'
import { createKmsClient, type KmsClientOptions } from '../../../enclave/kms/client.js'
import type { Recipient } from '../../../enclave/kms/recipient.js'
import { type Authority, createAuthority, startHttps, startTcp, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' }

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

async function kept(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting
  onTestFinished(() => server.close())
  return server
}

function clientOver(dial: Dial, options: Partial<KmsClientOptions> = {}) {
  const trustAnchors = [authority.certificate]
  const client = createKmsClient({ region: 'eu-central-1', credentials, trustAnchors, dial, ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** A call, what dial was given, and an end to it. */
function callOver(open: () => net.Socket, options: Partial<KmsClientOptions> = {}) {
  const controller = new AbortController()
  const dialled: { socket: net.Socket; signal: AbortSignal | undefined }[] = []
  const client = clientOver(({ signal }) => {
    const socket = open()
    dialled.push({ socket, signal })
    return socket
  }, options)
  const command = new DescribeKeyCommand({ KeyId: 'a' })
  const call = client.send(command, { abortSignal: controller.signal })
  return { call, client, dialled, abort: (reason?: unknown) => controller.abort(reason) }
}

const connecting = () => net.connect({ host: HOST, port: 443, lookup: () => undefined })

it('what ends aborted calls has a name of its own', () => {
  expect(clientOver(connecting).middlewareStack.identify()).toContain('nitroAbort - initialize')
})

describe('an abort', () => {
  it.each(['while the connection is dialled', 'in the TLS handshake'])('%s ends it at once', async (when) => {
    const silent = await kept(startTcp(() => undefined))
    const dialling = when.startsWith('while')
    const { call, dialled, abort } = callOver(dialling ? connecting : silent.dial)
    await vi.waitFor(() => expect(dialled).toHaveLength(1))
    const [{ socket, signal } = {}] = dialled
    if (!dialling) await vi.waitFor(() => expect(socket?.bytesWritten).toBeGreaterThan(0))
    const closed = once(socket ?? new net.Socket(), 'close')
    expect(signal?.aborted).toBe(false)
    const reason = new Error('no longer wanted')
    abort(reason)
    await expect(call).rejects.toMatchObject({ name: 'AbortError', cause: reason })
    await closed
    expect(signal?.aborted).toBe(true)
    // Not tried again.
    expect(dialled).toHaveLength(1)
  })

  it('during the answer ends the connection', async () => {
    const server = await kept(startHttps(await authority.issue(HOST), (_, response) => response.write('{')))
    const { call, dialled, abort } = callOver(server.dial)
    await vi.waitFor(() => expect(dialled).toHaveLength(1))
    const [{ socket } = {}] = dialled
    await vi.waitFor(() => expect(socket?.bytesRead).toBeGreaterThan(1_000))
    const closed = once(socket ?? new net.Socket(), 'close')
    abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await closed
  })

  it('before the call lets nothing begin', async () => {
    const provider = vi.fn(async () => credentials)
    const dial = vi.fn(connecting)
    const client = clientOver(dial, { credentials: provider })
    const call = client.send(new DescribeKeyCommand({ KeyId: 'a' }), { abortSignal: AbortSignal.abort() })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(provider).not.toHaveBeenCalled()
    expect(dial).not.toHaveBeenCalled()
  })

  it('while credentials are fetched ends the call', async () => {
    const controller = new AbortController()
    const provider = () => {
      controller.abort()
      return new Promise<never>(() => undefined)
    }
    const client = clientOver(connecting, { credentials: provider })
    const call = client.send(new DescribeKeyCommand({ KeyId: 'a' }), { abortSignal: controller.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('while middleware of others waits ends the call, wherever that stands', async () => {
    const controller = new AbortController()
    const client = clientOver(connecting)
    for (const priority of ['high', 'normal', 'low'] as const) {
      client.middlewareStack.add(() => () => new Promise<never>(() => undefined), {
        step: 'initialize',
        priority,
      })
    }
    const call = client.send(new DescribeKeyCommand({ KeyId: 'a' }), { abortSignal: controller.signal })
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('while the module attests ends the call, and nothing is dialled', async () => {
    const controller = new AbortController()
    const signals: (AbortSignal | undefined)[] = []
    const recipient: Recipient = {
      publicKey: new Uint8Array(0),
      attest: ({ signal } = {}) => {
        signals.push(signal)
        controller.abort()
        return new Promise<never>(() => undefined)
      },
      open: async () => new Uint8Array(0),
      random: async () => new Uint8Array(0),
    }
    const dial = vi.fn(connecting)
    const client = clientOver(dial, { recipient })
    const command = new GenerateRandomCommand({ NumberOfBytes: 32 })
    const call = client.send(command, { abortSignal: controller.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(signals).toEqual([controller.signal])
    expect(dial).not.toHaveBeenCalled()
  })

  it('while the answer is opened ends the call, and what comes too late is zeroed', async () => {
    const server = await kept(
      startHttps(await authority.issue(HOST), (_, response) =>
        response.end('{"CiphertextForRecipient":"AAAA"}'),
      ),
    )
    const controller = new AbortController()
    const opened = new Uint8Array(32).fill(1)
    let release: (plaintext: Uint8Array) => void = () => undefined
    const recipient: Recipient = {
      publicKey: new Uint8Array(0),
      attest: async () => new Uint8Array(1),
      open: () => {
        controller.abort()
        return new Promise((resolve) => {
          release = resolve
        })
      },
      random: async () => new Uint8Array(0),
    }
    const client = clientOver(server.dial, { recipient })
    const command = new GenerateRandomCommand({ NumberOfBytes: 32 })
    const call = client.send(command, { abortSignal: controller.signal })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    release(opened)
    await vi.waitFor(() => expect(opened).toEqual(new Uint8Array(32)))
  })

  it('after the answer changes nothing, and leaves the connection to the next call', async () => {
    const server = await kept(
      startHttps(await authority.issue(HOST), (_, response) => response.end('{"KeyMetadata":{"KeyId":"a"}}')),
    )
    const { call, client, dialled, abort } = callOver(server.dial)
    await call
    abort()
    await new Promise((resolve) => setImmediate(resolve))
    expect(dialled.map(({ socket, signal }) => [socket.destroyed, signal?.aborted])).toEqual([[false, false]])
    // A connection that was used is not given up when it ends.
    const [{ socket, signal } = {}] = dialled
    const closed = once(socket ?? new net.Socket(), 'close')
    client.destroy()
    await closed
    await new Promise((resolve) => setImmediate(resolve))
    expect(signal?.aborted).toBe(false)
  })
})

describe('the signal of a dial', () => {
  it('is aborted when TLS does not begin in time', async () => {
    const silent = await kept(startTcp(() => undefined))
    const { call, dialled } = callOver(silent.dial, { connectTimeout: 50, maxAttempts: 1 })
    await expect(call).rejects.toMatchObject({ code: 'ERR_KMS_TIMEOUT' })
    await vi.waitFor(() => expect(dialled[0]?.signal?.aborted).toBe(true))
  })

  it('is of one connection: another call goes on', async () => {
    const server = await kept(
      startHttps(await authority.issue(HOST), (_, response) => response.end('{"KeyMetadata":{"KeyId":"a"}}')),
    )
    const silent = await kept(startTcp(() => undefined))
    const opened = [silent.dial, server.dial]
    const controller = new AbortController()
    const client = clientOver(() => (opened.shift() ?? server.dial)())
    const command = new DescribeKeyCommand({ KeyId: 'a' })
    const aborted = client.send(command, { abortSignal: controller.signal })
    await vi.waitFor(() => expect(silent.carriers).toHaveLength(1))
    const other = client.send(new DescribeKeyCommand({ KeyId: 'a' }))
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    expect(await other).toMatchObject({ KeyMetadata: { KeyId: 'a' } })
  })
})
