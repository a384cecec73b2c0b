import { expect } from 'vitest'
import { createAccount } from '../../../../simulator/kms/account.js'
import { OPERATIONS, type OperationContext } from '../../../../simulator/kms/operations.js'
import type { IamPolicy } from '../../../../simulator/kms/policy/policy.js'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'
import type { Principal } from '../../../../simulator/kms/policy/principal.js'
import { ARN, CREDENTIALS, openSealed, REGION, rsaKey } from '../support.js'

export const ACCOUNT = '123456789012'
export const allowAll = parsePolicy({ Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' } })
export const NOW = new Date('2026-01-02T03:04:05Z')

export const principal = (policy: IamPolicy = allowAll, arn = ARN): Principal => ({
  credentials: CREDENTIALS,
  arn,
  policy,
})

/** What an enclave has: its key, and the document that every verifier of these tests takes for genuine. */
export const enclave = {
  key: rsaKey(),
  pcrs: new Map([[0, Buffer.alloc(48, 0xab)]]),
}
export const Recipient = {
  AttestationDocument: Buffer.from('an attestation document').toString('base64'),
  KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
}

export interface ContextOptions extends Partial<OperationContext> {
  /** Identity policy of the caller. */
  readonly policy?: IamPolicy
}

export function context({ policy, ...change }: ContextOptions = {}): OperationContext {
  return {
    account: createAccount({ region: REGION }),
    principal: principal(policy),
    verify: async () => ({ document: { pcrs: enclave.pcrs, publicKey: enclave.key.spki } }),
    keyStores: new Map(),
    now: () => NOW,
    ...change,
  }
}

export type Answer = Readonly<Record<string, unknown>>

/** One call, as the server makes it. */
export async function call(operation: string, input: unknown, ctx: OperationContext): Promise<Answer> {
  const run = OPERATIONS.get(operation)
  if (run === undefined) throw new Error(`no operation ${operation}`)
  // What stands in the answer is what JSON can carry.
  return JSON.parse(JSON.stringify(await run(input, ctx)))
}

/** A new key's metadata. */
export async function newKey(ctx: OperationContext, input: object = {}) {
  const { KeyMetadata } = await call('CreateKey', input, ctx)
  return KeyMetadata as Answer & { readonly KeyId: string; readonly Arn: string }
}

export const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64')
export const bytes = (member: unknown) => Buffer.from(String(member), 'base64')

/** What the enclave finds in CiphertextForRecipient. */
export async function opened(answer: Answer): Promise<Buffer> {
  const plaintext = await openSealed(bytes(answer.CiphertextForRecipient), enclave.key)
  if (plaintext === undefined) throw new Error('the envelope does not open')
  return Buffer.from(plaintext)
}

export const refused = (name: string, message: string | RegExp = '') =>
  expect.objectContaining({
    name,
    status: 400,
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  })

export const constraint = (value: string, at: string, what: string) =>
  `Value ${value}at '${at}' failed to satisfy constraint: Member must ${what}`
