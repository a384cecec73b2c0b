/** How an error is explained, and which; diagnosis/ brings about each of the causes. */
import { KMSClient, KMSServiceException, ListKeysCommand } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { EnclaveAgent } from '../../../enclave/kms/agent.js'
import { recordAttestedCall } from '../../../enclave/kms/attested-call.js'
import { diagnosisOf, explainFailures } from '../../../enclave/kms/diagnose.js'
import { OperationError } from '../../../shared/errors.js'
import { PCRS, unsigned } from '../../support/attestations.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const ID = '01234567-89ab-cdef-0123-456789abcdef'

/** A client that explains, whose requests `handle` answers. */
function clientOver(handle: () => Promise<unknown>): KMSClient {
  const client = new KMSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    maxAttempts: 1,
    requestHandler: { handle } as never,
  })
  client.middlewareStack.use(
    explainFailures({
      region: 'eu-central-1',
      host: HOST,
      expectedPcrs: undefined,
      noRetry: () => undefined,
    }),
  )
  return client
}

const refusing = (__type: string, message?: string, headers: Record<string, string> = {}) =>
  clientOver(async () => ({
    response: { statusCode: 400, headers, body: Buffer.from(JSON.stringify({ __type, message })) },
  }))

/** Fails with `error` before anything is sent. */
function failing(error: unknown): KMSClient {
  const client = clientOver(async () => undefined)
  client.middlewareStack.add(
    () => async () => {
      throw error
    },
    { step: 'build' },
  )
  return client
}

async function failure(client: KMSClient): Promise<Error> {
  const answered = () => {
    throw new Error('nothing failed')
  }
  return client.send(new ListKeysCommand({})).then(answered, (reason: unknown) => reason as Error)
}

const codeOf = async (client: KMSClient) => diagnosisOf(await failure(client))?.code

describe('the message of an error', () => {
  const advice = 'Likely: There is no such key .* Next: Check its name'
  it.each([
    [
      'an end',
      'No. There is no such key',
      {},
      `^No\\. There is no such key \\(NotFoundException\\)\\. ${advice}`,
    ],
    [
      'a request id',
      'No such key.',
      { 'x-amzn-requestid': ID },
      `^No such key\\. \\(NotFoundException, request id ${ID}\\)\\. ${advice}`,
    ],
  ])('has what KMS said, its name, and %s', async (_, message, headers, expected) => {
    const error = await failure(refusing('NotFoundException', message, headers))
    expect(error.message).toMatch(new RegExp(expected))
  })
  it('says so when KMS gives no reason', async () => {
    const { message } = await failure(refusing('SomethingNewException'))
    expect(message).toBe('KMS gives no reason (SomethingNewException)')
  })
  it('is what this SDK said, in one sentence, and the diagnosis', async () => {
    for (const words of ['not sealed', 'not sealed.']) {
      const { message } = await failure(failing(new OperationError('ERR_KMS_IGNORED_RECIPIENT', words)))
      expect(message).toMatch(/^not sealed\. Likely: .* Next: /)
    }
  })
  it('is what this SDK said, where there is no diagnosis', async () => {
    const { message } = await failure(failing(new OperationError('ERR_KMS_ANSWER', 'what is this?')))
    expect(message).toBe('what is this?')
  })
  it('names the operation as the API does', async () => {
    const { message } = await failure(refusing('ThrottlingException', 'Rate exceeded'))
    expect(message).toContain('Next: Call ListKeys less often')
  })
})

describe('the stack of an error', () => {
  it('tells the message', async () => {
    const error = await failure(refusing('NotFoundException', 'No such key'))
    expect(error.stack).toContain(`NotFoundException: ${error.message}\n`)
  })
  it.each([
    ['is none', 'not sealed', undefined],
    ['tells no message', '', 'OperationError\n    at somewhere'],
  ])('stays as it is when it %s', async (_, message, stack) => {
    const error = new OperationError('ERR_KMS_IGNORED_RECIPIENT', message)
    Object.assign(error, { stack })
    expect(await failure(failing(error))).toBe(error)
    expect(error.message).toContain('Likely: ')
    expect(error.stack).toBe(stack)
  })
})

describe('the diagnosis of an error', () => {
  it('is shown with it, and cannot be changed', async () => {
    const error = await failure(refusing('NotFoundException', 'No such key'))
    expect(Object.keys(error)).toContain('diagnosis')
    expect(Object.isFrozen(diagnosisOf(error))).toBe(true)
  })
  it.each([undefined, null, 'text', new Error('another')])('is none where there is none: %s', (error) => {
    expect(diagnosisOf(error)).toBeUndefined()
  })
  it('is not that of an exception like those of KMS that KMS did not answer', async () => {
    const message = 'of another service'
    const error = new KMSServiceException({
      name: 'NotFoundException',
      message,
      $fault: 'client',
      $metadata: {},
    })
    expect(await failure(failing(error))).toBe(error)
    expect(error.message).toBe(message)
    expect(diagnosisOf(error)).toBeUndefined()
  })
  it('is not one that the answer brought', async () => {
    const client = clientOver(async () => {
      const body = JSON.stringify({ __type: 'SomethingNewException', diagnosis: { code: 'DEBUG_MODE' } })
      return { response: { statusCode: 400, headers: {}, body: Buffer.from(body) } }
    })
    const error = await failure(client)
    expect(error).toBeInstanceOf(KMSServiceException)
    expect(error).not.toHaveProperty('diagnosis')
  })
  it('needs no more of an exception than its name', async () => {
    const client = clientOver(async () => {
      const message = 'Rate exceeded'
      throw new KMSServiceException({ name: 'ThrottlingException', message, $fault: 'client', $metadata: {} })
    })
    expect(await codeOf(client)).toBe('THROTTLED')
  })
  it('is not that of something thrown that is no error', async () => {
    const thrown = await failure(clientOver(() => Promise.reject('no network')))
    expect(thrown).toMatchObject({ message: 'no network' })
    expect(diagnosisOf(thrown)).toBeUndefined()
  })
})

describe('what else is known of a call', () => {
  const hour = 3_600_000
  it.each([
    ['by the header Date', { date: new Date(Date.now() + hour).toUTCString() }, 'CLOCK_SKEW'],
    ['not without it', {}, undefined],
    ['not by one that is no date', { date: 'soon' }, undefined],
  ])("is KMS's clock, %s", async (_, headers, code) => {
    expect(await codeOf(refusing('InvalidSignatureException', 'Signature expired', headers))).toBe(code)
  })

  /** As of a dial that throws it. */
  function dialled<E extends Error>(error: E): E {
    const dial = () => {
      throw error
    }
    new EnclaveAgent({ host: HOST, dial, trustAnchors: [] }).createConnection({}, () => undefined)
    return error
  }
  const connectionError = (code: string) => Object.assign(new Error(code), { code })
  it.each([
    [
      'of the error itself',
      dialled(new OperationError('ERR_VSOCK_UNAVAILABLE', 'none')),
      'VSOCK_UNAVAILABLE',
    ],
    [
      'of its cause',
      new OperationError('ERR_KMS_CONNECTION', 'none', { cause: dialled(connectionError('ECONNREFUSED')) }),
      'NOBODY_LISTENS',
    ],
    [
      'or that TLS had begun',
      new OperationError('ERR_KMS_CONNECTION', 'none', { cause: connectionError('ECONNRESET') }),
      'CONNECTION_LOST',
    ],
    ['or nothing', new OperationError('ERR_KMS_TIMEOUT', 'none'), 'TIMEOUT_ANSWER'],
  ])('is what was going on: that %s', async (_, error, code) => {
    expect(await codeOf(failing(error))).toBe(code)
  })

  /** A call that goes with `document`, and may not be made. */
  async function denied(document: Uint8Array): Promise<string | undefined> {
    const client = refusing('AccessDeniedException', 'no')
    client.middlewareStack.add((next, context) => (args) => {
      recordAttestedCall(context, { operation: 'ListKeys', publicKey: new Uint8Array(0), document })
      return next(args)
    })
    return diagnosisOf(await failure(client))?.likely
  }
  it('is the document that went with it', async () => {
    const pcr0 = Buffer.from(PCRS.get(0) ?? []).toString('hex')
    expect(await denied(unsigned())).toContain(`whose PCR0 is ${pcr0}`)
  })
  it('is no document where that cannot be read', async () => {
    for (const document of [Uint8Array.of(0xff), new Uint8Array(0), 'document' as never]) {
      expect(await denied(document)).toBe('A policy does not allow kms:ListKeys as it was called.')
    }
  })
})

describe('whatever explains', () => {
  it('has names of its own', () => {
    const names = clientOver(async () => undefined).middlewareStack.identify()
    expect(names).toEqual(
      expect.arrayContaining(['nitroDiagnosis - initialize', 'nitroAnswered - deserialize']),
    )
  })
  it('stands around the middleware of others', async () => {
    const client = new KMSClient({ region: 'eu-central-1' })
    client.middlewareStack.add(() => async () => {
      throw new OperationError('ERR_KMS_TIMEOUT', 'too late')
    })
    const known = { region: 'eu-central-1', host: HOST, expectedPcrs: undefined }
    client.middlewareStack.use(explainFailures({ ...known, noRetry: () => undefined }))
    expect(await codeOf(client)).toBe('TIMEOUT_ANSWER')
  })
})
