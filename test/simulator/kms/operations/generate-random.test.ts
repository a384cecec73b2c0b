import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { VerificationError } from '../../../../shared/errors.js'
import { KmsError } from '../../../../simulator/kms/errors.js'
import type { KeyStoreState } from '../../../../simulator/kms/key-stores.js'
import { parsePolicy, pinningPolicy } from '../../../../simulator/kms/policy/policy-document.js'
import { ARN, openSealed } from '../support.js'
import { type ContextOptions, call, context, enclave, Recipient, refused } from './support.js'

const PCR0 = Buffer.alloc(48, 0xab)
const { key } = enclave
const DOCUMENT = Recipient.AttestationDocument

const attempt = (input: unknown, change?: ContextOptions) => call('GenerateRandom', input, context(change))

describe('without Recipient', () => {
  it.each([1, 32, 1024])('answers %i bytes as Plaintext only', async (size) => {
    const output = await attempt({ NumberOfBytes: size })
    expect(Object.keys(output)).toEqual(['Plaintext'])
    const bytes = Buffer.from(String(output.Plaintext), 'base64')
    expect(bytes.length).toBe(size)
    if (size > 1) expect(bytes).not.toEqual(Buffer.alloc(size))
  })

  it('takes null for an absent member, and passes over unknown ones', async () => {
    const output = await attempt({ NumberOfBytes: 1, Recipient: null, CustomKeyStoreId: null, Extra: 1 })
    expect(Object.keys(output)).toEqual(['Plaintext'])
  })
})

describe('with Recipient', () => {
  it.each([1, 32, 1024])('answers %i bytes as CiphertextForRecipient only', async (size) => {
    const output = await attempt({ NumberOfBytes: size, Recipient })
    expect(Object.keys(output)).toEqual(['CiphertextForRecipient'])
    const envelope = Buffer.from(String(output.CiphertextForRecipient), 'base64')
    const opened = await openSealed(envelope, key)
    expect(opened?.length).toBe(size)
    if (size > 1) expect(opened?.every((byte) => byte === 0)).toBe(false)
  })
})

describe('input', () => {
  const constraint = (value: string, at: string, text: string) =>
    `1 validation error detected: Value ${value}at '${at}' failed to satisfy constraint: Member must ${text}`
  const atLeast = 'have value greater than or equal to 1'
  const at = 'recipient.attestationDocument'
  const document = (size: number) => ({
    ...Recipient,
    AttestationDocument: Buffer.alloc(size).toString('base64'),
  })
  const cases: [string, object, string][] = [
    ['no NumberOfBytes', {}, 'Please specify either number of bytes or key spec.'],
    [
      '1025',
      { NumberOfBytes: 1025 },
      constraint("'1025' ", 'numberOfBytes', 'have value less than or equal to 1024'),
    ],
    ['0', { NumberOfBytes: 0 }, constraint("'0' ", 'numberOfBytes', atLeast)],
    ['-1', { NumberOfBytes: -1 }, constraint("'-1' ", 'numberOfBytes', atLeast)],
    [
      'an empty key store',
      { NumberOfBytes: 1, CustomKeyStoreId: '' },
      constraint("'' ", 'customKeyStoreId', 'have length greater than or equal to 1'),
    ],
    [
      'a long key store',
      { NumberOfBytes: 1, CustomKeyStoreId: 'x'.repeat(65) },
      constraint(`'${'x'.repeat(65)}' `, 'customKeyStoreId', 'have length less than or equal to 64'),
    ],
    [
      'an empty document',
      { NumberOfBytes: 1, Recipient: document(0) },
      constraint('', at, 'have length greater than or equal to 1'),
    ],
    [
      'a large document',
      { NumberOfBytes: 1, Recipient: document(262_145) },
      constraint('', at, 'have length less than or equal to 262144'),
    ],
    [
      'another algorithm',
      { NumberOfBytes: 1, Recipient: { ...Recipient, KeyEncryptionAlgorithm: 'RSAES_PKCS1_V1_5' } },
      constraint(
        "'RSAES_PKCS1_V1_5' ",
        'recipient.keyEncryptionAlgorithm',
        'satisfy enum value set: [RSAES_OAEP_SHA_256]',
      ),
    ],
  ]
  it.each(cases)('refuses %s', async (_, input, message) => {
    await expect(attempt(input)).rejects.toEqual(
      expect.objectContaining({ name: 'ValidationException', message }),
    )
  })

  it('counts several', async () => {
    await expect(attempt({ NumberOfBytes: 0, CustomKeyStoreId: '' })).rejects.toEqual(
      refused('ValidationException', /^2 validation errors detected: Value '0'.*; Value ''/),
    )
  })

  it.each([
    ['AttestationDocument', { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }],
    ['KeyEncryptionAlgorithm', { AttestationDocument: DOCUMENT }],
    ['both', {}],
  ])('refuses a Recipient without %s', async (_, recipient) => {
    await expect(attempt({ NumberOfBytes: 1, Recipient: recipient })).rejects.toEqual(
      refused('ValidationException', 'Recipient needs both'),
    )
  })

  it('takes the bounds themselves', async () => {
    await attempt({ NumberOfBytes: 1024, Recipient: document(262_144) })
    const keyStores = new Map<string, KeyStoreState>([['x'.repeat(64), 'connected']])
    await attempt({ NumberOfBytes: 1, CustomKeyStoreId: 'x'.repeat(64) }, { keyStores })
  })

  it.each([
    ['text for a number', { NumberOfBytes: '32' }],
    ['a fraction', { NumberOfBytes: 1.5 }],
    ['a number over 32 bits', { NumberOfBytes: 2 ** 32 }],
    ['a boolean for a number', { NumberOfBytes: true }],
    ['a number for text', { NumberOfBytes: 1, CustomKeyStoreId: 5 }],
    ['text for a structure', { NumberOfBytes: 1, Recipient: 'x' }],
    ['a list for a structure', { NumberOfBytes: 1, Recipient: [] }],
    ['a number for a blob', { NumberOfBytes: 1, Recipient: { ...Recipient, AttestationDocument: 5 } }],
    ['no base64', { NumberOfBytes: 1, Recipient: { ...Recipient, AttestationDocument: 'a b' } }],
    ['base64 without padding', { NumberOfBytes: 1, Recipient: { ...Recipient, AttestationDocument: 'AA' } }],
    [
      'a number for an algorithm',
      { NumberOfBytes: 1, Recipient: { ...Recipient, KeyEncryptionAlgorithm: 1 } },
    ],
    ['a list for the request', []],
    ['text for the request', 'x'],
  ])('cannot read %s', async (_, input) => {
    await expect(attempt(input)).rejects.toEqual(refused('SerializationException'))
  })

  it('throws nothing but KmsError, and answers only what was asked', async () => {
    const member = fc.oneof(
      fc.integer({ min: -2, max: 1030 }),
      fc.constant(Recipient),
      fc.json().map((text) => JSON.parse(text)),
    )
    const input = fc.record(
      { NumberOfBytes: member, CustomKeyStoreId: member, Recipient: member },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(input, async (value) => {
        const result = await attempt(value).catch((error: unknown) => error)
        if (result instanceof KmsError) return
        const wanted = value.Recipient == null ? 'Plaintext' : 'CiphertextForRecipient'
        expect(Object.keys(result as object)).toEqual([wanted])
      }),
    )
  })
})

describe('policy', () => {
  const pinned = parsePolicy(pinningPolicy(PCR0))
  const other = parsePolicy(pinningPolicy(Buffer.alloc(48, 1)))
  const noAllow = `User: ${ARN} is not authorized to perform: kms:GenerateRandom on resource: * because no identity-based policy allows the kms:GenerateRandom action`

  it('lets the pinned enclave in', async () => {
    await attempt({ NumberOfBytes: 1, Recipient }, { policy: pinned })
  })

  it('denies a call without a document, and another enclave', async () => {
    const denied = expect.objectContaining({ name: 'AccessDeniedException', message: noAllow, status: 400 })
    await expect(attempt({ NumberOfBytes: 1 }, { policy: pinned })).rejects.toEqual(denied)
    const onDenial = vi.fn()
    await expect(attempt({ NumberOfBytes: 1, Recipient }, { policy: other, onDenial })).rejects.toEqual(
      denied,
    )
    expect(onDenial.mock.calls).toEqual([[expect.stringMatching(/^PCR0 differs/)]])
  })

  it('denies explicitly', async () => {
    const policy = parsePolicy({ Statement: { Effect: 'Deny', Action: '*', Resource: '*' } })
    await expect(attempt({ NumberOfBytes: 1 }, { policy })).rejects.toEqual(
      refused(
        'AccessDeniedException',
        /GenerateRandom on resource: \* with an explicit deny in an identity-based policy$/,
      ),
    )
  })

  it('asks input, attestation, policy and key store in this order', async () => {
    const verify = () => Promise.reject(new VerificationError('ERR_COSE_SIGNATURE', 'x'))
    const all = { verify, policy: other }
    const CustomKeyStoreId = 'cks-none'
    const names = [
      attempt({ NumberOfBytes: 0, Recipient, CustomKeyStoreId }, all),
      attempt({ NumberOfBytes: 1, Recipient, CustomKeyStoreId }, all),
      attempt({ NumberOfBytes: 1, Recipient, CustomKeyStoreId }, { policy: other }),
      attempt({ NumberOfBytes: 1, Recipient, CustomKeyStoreId }),
    ].map((each) => each.catch((error: Error) => `${error.name}: ${error.message.slice(0, 12)}`))
    expect(await Promise.all(names)).toEqual([
      'ValidationException: 1 validation',
      'ValidationException: KMS cannot a',
      'AccessDeniedException: User: arn:aw',
      'CustomKeyStoreNotFoundException: Custom key s',
    ])
  })
})
