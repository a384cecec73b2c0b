import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../../enclave/kms/client.js'
import { OperationError } from '../../../shared/errors.js'
import { connect } from '../../../shared/vsock/index.js'
import { startStuckListener } from '../../shared/vsock/stuck-listener.js'
import { type Authority, createAuthority, startHttps, startTcp, type TestServer } from './tls-support.js'

// No test opens an AF_VSOCK connection.
vi.mock(import('../../../shared/vsock/index.js'), async (original) => ({
  ...(await original()),
  connect: vi.fn<typeof connect>(),
}))

const HOST = 'kms.eu-central-1.amazonaws.com'

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})
beforeEach(() => {
  vi.mocked(connect).mockReset()
})

async function kms(by = authority): Promise<TestServer> {
  const server = await startHttps(await by.issue(HOST), (_, response) =>
    response.end(JSON.stringify({ KeyMetadata: { KeyId: 'a' } })),
  )
  onTestFinished(() => server.close())
  return server
}

function call(options: Partial<KmsClientOptions>): Promise<unknown> {
  const client = createKmsClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    trustAnchors: [authority.certificate],
    ...options,
  })
  onTestFinished(() => client.destroy())
  return client.send(new DescribeKeyCommand({ KeyId: 'a' }))
}

const ANSWER = { KeyMetadata: { KeyId: 'a' } }

/** Counts the dials and keeps what became of each. */
function counted(dial: (attempt: number) => net.Socket) {
  const sockets: net.Socket[] = []
  const errors: (string | undefined)[] = []
  return {
    sockets,
    errors,
    dial: () => {
      const socket = dial(sockets.length + 1)
      socket.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(code))
      sockets.push(socket)
      return socket
    },
  }
}

function failing(code: string): net.Socket {
  const socket = new net.Socket()
  process.nextTick(() => socket.destroy(Object.assign(new Error(code), { code })))
  return socket
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'd-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

describe('without a dial', () => {
  it("a call goes to port 8000 of the parent, within the client's time", async () => {
    const server = await kms()
    vi.mocked(connect).mockImplementation(server.dial)
    expect(await call({ connectTimeout: 1_234 })).toMatchObject(ANSWER)
    const signal = expect.any(AbortSignal)
    expect(vi.mocked(connect).mock.calls).toEqual([[{ cid: 3, port: 8000, timeout: 1_234, signal }]])
  })

  it('where there is no vsock a call says so, once', async () => {
    const unavailable = new OperationError('ERR_VSOCK_UNAVAILABLE', 'no vsock here: a sentence', {
      cause: new Error('no addon'),
    })
    vi.mocked(connect).mockImplementation(() => {
      throw unavailable
    })
    await expect(call({})).rejects.toBe(unavailable)
    expect(connect).toHaveBeenCalledTimes(1)
  })

  it('nothing is dialled before a call', () => {
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
    createKmsClient({ region: 'eu-central-1', credentials }).destroy()
    expect(connect).not.toHaveBeenCalled()
  })
})

describe('a connection that cannot be made yet', () => {
  it('over a Unix socket with a full backlog is tried again', async () => {
    const path = join(directory(), 's')
    await startStuckListener(path)
    const server = await kms()
    const { dial, sockets, errors } = counted((attempt) =>
      attempt === 1 ? net.connect(path) : server.dial(),
    )
    expect(await call({ dial })).toMatchObject(ANSWER)
    expect(errors).toEqual(['EAGAIN'])
    expect(new Set(sockets).size).toBe(2)
  })

  it('is made once the backlog has room', async () => {
    const path = join(directory(), 's')
    const { wake } = await startStuckListener(path)
    const { dial, sockets, errors } = counted(() => net.connect(path).once('error', wake))
    // Who listens there is an echo: TLS begins, and fails.
    await expect(call({ dial, maxAttempts: 10 })).rejects.toMatchObject({ code: 'ERR_KMS_TLS' })
    expect(errors[0]).toBe('EAGAIN')
    expect(sockets.length).toBeGreaterThan(1)
  })

  it('is given up after maxAttempts, and the cause kept', async () => {
    const path = join(directory(), 's')
    await startStuckListener(path)
    const { dial, sockets } = counted(() => net.connect(path))
    await expect(call({ dial, maxAttempts: 4 })).rejects.toMatchObject({
      name: 'OperationError',
      code: 'ERR_KMS_CONNECTION',
      cause: { code: 'EAGAIN' },
    })
    expect(new Set(sockets).size).toBe(4)
  })

  it('to a proxy that is not there yet is tried again', async () => {
    const server = await kms()
    const path = join(directory(), 's')
    const { dial, errors } = counted((attempt) => (attempt === 1 ? net.connect(path) : server.dial()))
    expect(await call({ dial })).toMatchObject(ANSWER)
    expect(errors).toEqual(['ENOENT'])
  })

  it.each([
    ['EAGAIN', 'ERR_KMS_CONNECTION'],
    ['ENOENT', 'ERR_KMS_CONNECTION'],
    ['ECONNRESET', 'ERR_KMS_CONNECTION'],
    ['ECONNREFUSED', 'ERR_KMS_CONNECTION'],
    ['EPIPE', 'ERR_KMS_CONNECTION'],
    ['ETIMEDOUT', 'ERR_KMS_TIMEOUT'],
  ])('%s is tried again, and is %s in the end', async (code, name) => {
    const { dial, sockets } = counted(() => failing(code))
    await expect(call({ dial, maxAttempts: 3 })).rejects.toMatchObject({ code: name, cause: { code } })
    expect(new Set(sockets).size).toBe(3)
  })

  it('is tried again when dial throws, too', async () => {
    const server = await kms()
    let dials = 0
    const dial = () => {
      if (++dials > 1) return server.dial()
      throw Object.assign(new Error('full'), { code: 'EAGAIN' })
    }
    expect(await call({ dial })).toMatchObject(ANSWER)
    expect(dials).toBe(2)
  })
})

describe('a connection that can never be made', () => {
  it.each(['ENODEV', 'EACCES'])('%s is not tried again', async (code) => {
    const { dial, sockets } = counted(() => failing(code))
    await expect(call({ dial })).rejects.toMatchObject({ code: 'ERR_KMS_CONNECTION', cause: { code } })
    expect(sockets).toHaveLength(1)
  })

  it('that failed before it was handed out is an error like any other', async () => {
    const error = Object.assign(new Error('socket EMFILE'), { code: 'EMFILE' })
    const { dial, sockets } = counted(() => new net.Socket().destroy(error))
    await expect(call({ dial })).rejects.toMatchObject({
      code: 'ERR_KMS_CONNECTION',
      cause: { code: 'EMFILE' },
    })
    expect(sockets).toHaveLength(1)
  })

  it.each(['ERR_VSOCK_ADDRESS', 'ERR_VSOCK_UNAVAILABLE'] as const)('%s is passed on, once', async (code) => {
    const error = new OperationError(code, 'no such thing')
    const dial = vi.fn(() => {
      throw error
    })
    await expect(call({ dial })).rejects.toBe(error)
    expect(dial).toHaveBeenCalledTimes(1)
    const { dial: later, sockets } = counted(() => {
      const socket = new net.Socket()
      process.nextTick(() => socket.destroy(error))
      return socket
    })
    await expect(call({ dial: later })).rejects.toBe(error)
    expect(sockets).toHaveLength(1)
  })

  it('to a server that is not KMS, or speaks no TLS, is not tried again', async () => {
    const stranger = await kms(await createAuthority())
    const plain = await startTcp((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    onTestFinished(() => plain.close())
    for (const server of [stranger, plain]) {
      await expect(call({ dial: server.dial })).rejects.toMatchObject({ code: 'ERR_KMS_TLS' })
      expect(server.carriers).toHaveLength(1)
    }
  })
})
