import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { GenerateRandomCommand, KMSServiceException } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../../../enclave/kms/diagnose.js'
import { DIAGNOSIS_CODES } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { OperationError } from '../../../../shared/errors.js'
import { KmsError } from '../../../../simulator/kms/errors.js'
import { CASES } from './cases.js'
import { OTHER, startKms } from './simulated-kms.js'

async function failure(call: () => Promise<unknown>): Promise<Error> {
  try {
    await call()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing failed')
}

const random = () => new GenerateRandomCommand({ NumberOfBytes: 32 })

describe('a call that fails explains', () => {
  it.each(CASES)('$code: $title', async ({ code, symptom, call, says }) => {
    const error = await failure(call)
    const diagnosis = diagnosisOf(error)
    expect(diagnosis?.code).toBe(code)
    const { likely = '', next = '' } = diagnosis ?? {}
    for (const words of says) expect(`${likely} ${next}`).toMatch(words)

    // All of it stands in the message, and in what Node prints of an error.
    expect(error.message).toContain(`Likely: ${likely} Next: ${next}`)
    expect(error.stack).toContain(error.message)
    if (error instanceof OperationError) expect(error.code).toBe(symptom)
    else {
      expect(error).toBeInstanceOf(KMSServiceException)
      const { name, $metadata } = error as KMSServiceException
      expect(name).toBe(symptom)
      expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/)
      expect(error.message).toContain(`(${symptom}, request id ${$metadata.requestId})`)
    }
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('planted')
    expect(JSON.stringify(error)).not.toContain('planted')
  })

  it('and every diagnosis is among them', () => {
    expect(new Set(CASES.map(({ code }) => code))).toEqual(new Set(DIAGNOSIS_CODES))
  })
})

describe('no diagnosis is made up', () => {
  it.each([
    ['KMSInternalException', 'internal'],
    ['SomethingNewException', 'what nobody knows yet'],
    ['SomethingNewException', 'The attestation document is odd'],
    ['ValidationException', "1 validation error detected: Value '0' at 'numberOfBytes'"],
    ['InvalidSignatureException', 'The signature is odd'],
    ['InvalidSignatureException', 'Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z'],
  ])('for %s: %s', async (name, message) => {
    const kms = await startKms({ faults: () => new KmsError(name, message) })
    const error = await failure(() => kms.client().send(random()))
    expect(diagnosisOf(error)).toBeUndefined()
    expect(error).not.toHaveProperty('diagnosis')
    const { requestId } = (error as KMSServiceException).$metadata
    expect(error.message).toBe(`${message} (${name}, request id ${requestId})`)
  })

  it.each([
    ['nor this SDK’s', new Error('AccessDeniedException')],
    [
      'but those of another service',
      new KMSServiceException({
        name: 'AccessDeniedException',
        message: 'AccessDeniedException',
        $fault: 'client',
        $metadata: {},
      }),
    ],
  ])("for errors that are neither KMS's %s", async (_, mine) => {
    const kms = await startKms()
    const client = kms.client({
      credentials: async () => {
        throw mine
      },
    })
    expect(await failure(() => client.send(random()))).toBe(mine)
    expect(mine).toMatchObject({ message: 'AccessDeniedException' })
    expect(mine).not.toHaveProperty('diagnosis')
  })

  it('for a vsock that the provider of credentials lacks: it is not what the client dials by', async () => {
    const kms = await startKms()
    const mine = new OperationError('ERR_VSOCK_UNAVAILABLE', 'no vsock')
    const client = kms.client({
      credentials: async () => {
        throw mine
      },
    })
    expect(await failure(() => client.send(random()))).toBe(mine)
    expect(mine.message).toBe('no vsock')
    expect(mine).not.toHaveProperty('diagnosis')
  })

  it('for a call that succeeds at its second attempt, in spite of the clock', async () => {
    const kms = await startKms({ now: () => new Date(Date.now() + 3_600_000) })
    expect((await kms.client({ maxAttempts: 2 }).send(random())).Plaintext).toHaveLength(32)
  })

  it('a second time for an error that several calls share', async () => {
    const shared = new OperationError('ERR_VSOCK_UNAVAILABLE', 'no vsock')
    const kms = await startKms()
    const client = kms.client({
      dial: () => {
        throw shared
      },
    })
    expect(await failure(() => client.send(random()))).toBe(shared)
    const { message } = shared
    await failure(() => client.send(random()))
    expect(shared.message).toBe(message)
  })
})

describe('an envelope that cannot be opened', () => {
  it('gives errors of one shape, whatever is wrong with it', async () => {
    const shapes: unknown[] = []
    for (const { call } of CASES.filter(({ symptom }) => symptom === 'ERR_ENVELOPE')) {
      const error = await failure(call)
      shapes.push({
        keys: Reflect.ownKeys(error),
        name: error.name,
        metadata: Object.keys((error as { $metadata?: object }).$metadata ?? {}),
        diagnosis: Object.keys(diagnosisOf(error) ?? {}),
        opening: error.message.split(' Likely: ')[0],
      })
    }
    expect(shapes).toHaveLength(3)
    expect(shapes).toEqual(Array(3).fill(shapes[0]))
  })
})

describe('docs/kms-errors.md', () => {
  const text = readFileSync(new URL('../../../../docs/kms-errors.md', import.meta.url), 'utf8')
  const rows = text
    .split('\n')
    .flatMap((line) => (/^\| `[A-Z_]+` \|/.test(line) ? [line.split(' | ').map((cell) => cell.trim())] : []))

  it('has one row for each code, in their order', () => {
    expect(rows.map(([code]) => code?.replace(/[|` ]/g, ''))).toEqual([...DIAGNOSIS_CODES])
  })

  it('says in each row the symptom as it is printed, a cause and a next step', () => {
    for (const [code = '', symptom = '', cause = '', next = ''] of rows) {
      const symptoms = CASES.filter((one) => code.includes(`\`${one.code}\``)).map((one) => one.symptom)
      for (const name of symptoms) expect(symptom).toContain(`\`${name}\``)
      expect(cause.length).toBeGreaterThan(10)
      expect(next.length).toBeGreaterThan(10)
    }
    expect(text).not.toContain(OTHER)
  })
})
