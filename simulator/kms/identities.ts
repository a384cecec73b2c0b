/** The account's identities: the enclave's role, and an administrator. */
import type { KmsAccount } from './account.js'
import { partitionOf } from './arn.js'
import type { IamPolicy } from './policy/policy.js'
import { parsePolicy, pinningPolicy } from './policy/policy-document.js'
import type { Principal } from './policy/principal.js'
import type { Credentials } from './signature.js'

/** Every action on every key, as far as the key's policy leaves that to the account. */
export const EVERYTHING: IamPolicy = parsePolicy({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
})

/** A user of the account; by default one who may do everything. */
export function administratorOf(
  account: KmsAccount,
  credentials: Credentials,
  policy: IamPolicy = EVERYTHING,
): Principal {
  const { accountId, region } = account
  const arn = `arn:${partitionOf(region)}:iam::${accountId}:user/simulated-administrator`
  return { credentials, arn, policy }
}

/** ARN of a session of the enclave's role; `session` names it. */
export function roleSessionArn({ accountId, region }: KmsAccount, session: string): string {
  return `arn:${partitionOf(region)}:sts::${accountId}:assumed-role/simulated-enclave/${session}`
}

/** The operations that take a Recipient. Source: KMS API Reference, "RecipientInfo". */
const ATTESTED = [
  'kms:Decrypt',
  'kms:DeriveSharedSecret',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyPair',
  'kms:GenerateRandom',
]

/** The role's policy where none is given: what an enclave attests, for one image only. `pcr0`: 48 bytes. */
export function enclavePolicy(pcr0: Uint8Array): object {
  const pinned = pinningPolicy(pcr0) as { readonly Statement: readonly object[] }
  return { ...pinned, Statement: pinned.Statement.map((one) => ({ ...one, Action: ATTESTED })) }
}
