/** Whoever answers has a right certificate, and does not answer as KMS does. */
import { GenerateDataKeyCommand, GenerateRandomCommand, KMSServiceException } from '@aws-sdk/client-kms'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createKmsClient } from '../../../enclave/kms/client.js'
import { diagnosisOf } from '../../../enclave/kms/diagnose.js'
import { createRecipient, type Recipient } from '../../../enclave/kms/recipient.js'
import { KEY_ARN, OTHER_ARN, stubNsm } from './stub-kms.js'
import { type Authority, createAuthority, startHttps } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'

let authority: Authority
let recipient: Recipient
beforeAll(async () => {
  authority = await createAuthority()
  recipient = await createRecipient({ nsm: stubNsm() })
})

/** What an attested call makes of an answer. */
async function failureOver(
  status: number,
  body: string,
  command: object = new GenerateRandomCommand({ NumberOfBytes: 32 }),
): Promise<unknown> {
  const server = await startHttps(await authority.issue(HOST), (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(body)
  })
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' }
  const trust = { trustAnchors: [authority.certificate], dial: server.dial }
  const client = createKmsClient({ region: 'eu-central-1', credentials, recipient, maxAttempts: 1, ...trust })
  onTestFinished(async () => {
    client.destroy()
    await server.close()
  })
  const answered = () => {
    throw new Error('nothing failed')
  }
  return client.send(command as GenerateRandomCommand).then(answered, (reason: unknown) => reason)
}

describe('an answer that cannot be read', () => {
  it.each([
    ['HTML', 503, '<html>'],
    ['no base64', 200, '{"CiphertextForRecipient":"***"}'],
    ['an exception without a name', 400, '{"__type":{}}'],
    ['a deep one', 400, `{"__type":"NotFoundException","d":${'['.repeat(60_000)}${']'.repeat(60_000)}}`],
  ])('is said to be one, and not shown: %s', async (_, status, body) => {
    const error = await failureOver(status, body)
    expect(error).toMatchObject({
      name: 'OperationError',
      code: 'ERR_KMS_ANSWER',
      message: `${HOST} gave an answer that cannot be read (HTTP status ${status})`,
    })
    expect(error).not.toHaveProperty('cause')
  })
})

describe('an answer of', () => {
  const answerOf = (bytes: number) => {
    const [begin, end] = ['{"__type":"NotFoundException","message":"', '"}']
    return begin + ' '.repeat(bytes - begin.length - end.length) + end
  }

  it('256 KiB is read', async () => {
    expect(await failureOver(400, answerOf(262_144))).toMatchObject({ name: 'NotFoundException' })
  })

  it('a byte more is not', async () => {
    expect(await failureOver(400, answerOf(262_145))).toMatchObject({ code: 'ERR_KMS_CONNECTION' })
  })
})

it('an answer of another key is that of no KMS, which is said', async () => {
  const command = new GenerateDataKeyCommand({ KeyId: KEY_ARN, KeySpec: 'AES_256' })
  const body = JSON.stringify({ KeyId: OTHER_ARN, CiphertextForRecipient: 'AAAA' })
  const error = await failureOver(200, body, command)
  expect(error).toMatchObject({ code: 'ERR_KMS_KEY_MISMATCH' })
  const { code, likely } = diagnosisOf(error) ?? {}
  expect(code).toBe('ANOTHER_KEY')
  expect(likely).toMatch(/^Whoever answers for kms\.eu-central-1\.amazonaws\.com used another KMS key/)
})

it('whatever characters KMS writes stand in message and stack as they are', async () => {
  const words = "$& $' $` $1 \\n"
  const error = await failureOver(400, JSON.stringify({ __type: 'NotFoundException', message: words }))
  expect((error as Error).message).toContain(`${words} (NotFoundException)`)
  expect((error as Error).stack).toContain((error as Error).message)
})

describe('an exception that brings a diagnosis of its own', () => {
  const diagnosis = { code: 'DEBUG_MODE', likely: 'Trust me.', next: 'Send money.' }
  it.each([
    ['NotFoundException', 'KEY_NOT_FOUND'],
    ['AccessDeniedException', 'ACCESS_DENIED'],
    ['SomethingNewException', undefined],
  ])('is explained by this SDK alone: %s', async (name, code) => {
    const error = await failureOver(400, JSON.stringify({ __type: name, message: 'no', diagnosis }))
    expect(error).toBeInstanceOf(KMSServiceException)
    expect(diagnosisOf(error)?.code).toBe(code)
    expect((error as Error).message).toContain(`(${name})`)
  })
})
