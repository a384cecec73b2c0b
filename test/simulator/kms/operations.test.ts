import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KmsError } from '../../../simulator/kms/errors.js'
import { OPERATIONS } from '../../../simulator/kms/operations.js'
import { call, context, newKey, Recipient } from './operations/support.js'

/** Every member that some operation takes. */
const MEMBERS =
  'AliasName AttestationDocument BypassPolicyLockoutSafetyCheck CiphertextBlob CustomerMasterKeySpec ' +
  'CustomKeyStoreId Description DryRun DryRunModifiers EncryptionAlgorithm EncryptionContext GrantTokens ' +
  'KeyAgreementAlgorithm KeyId KeyPairSpec KeySpec KeyUsage Limit Marker MultiRegion NumberOfBytes Origin ' +
  'Plaintext Policy PolicyName PublicKey Recipient Tags TargetKeyId XksKeyId'

it.each([...OPERATIONS.keys()])('%s throws nothing but KmsError, whatever it is sent', async (operation) => {
  const ctx = context()
  const { KeyId } = await newKey(ctx)
  const value = fc.oneof(
    fc.constantFrom(
      KeyId,
      'alias/one',
      'AAAA',
      'AES_256',
      'ECC_NIST_P256',
      'ECDH',
      'SYMMETRIC_DEFAULT',
      Recipient,
    ),
    fc.constantFrom<unknown>(null, true, 1, [], {}, ['x'], { a: 'b' }, { __proto__: null, constructor: 'x' }),
    fc.json().map((text) => JSON.parse(text)),
  )
  const input = fc.record(Object.fromEntries(MEMBERS.split(' ').map((name) => [name, value])), {
    requiredKeys: [],
  })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        input,
        fc.json().map((text) => JSON.parse(text)),
      ),
      async (request) => {
        const result = await call(operation, request, ctx).catch((error: unknown) => error)
        if (result instanceof Error) expect(result).toBeInstanceOf(KmsError)
      },
    ),
    { numRuns: 50 },
  )
})
