/** The operations of the simulated KMS, by the name that X-Amz-Target gives them. */
import type { Operation } from './operation.js'
import { createAlias } from './operations/create-alias.js'
import { createKey } from './operations/create-key.js'
import { decrypt } from './operations/decrypt.js'
import { deriveSharedSecret } from './operations/derive-shared-secret.js'
import { describeKey } from './operations/describe-key.js'
import { disableKey } from './operations/disable-key.js'
import { enableKey } from './operations/enable-key.js'
import { encrypt } from './operations/encrypt.js'
import { generateDataKey } from './operations/generate-data-key.js'
import { generateDataKeyPair } from './operations/generate-data-key-pair.js'
import { generateDataKeyWithoutPlaintext } from './operations/generate-data-key-without-plaintext.js'
import { generateRandom } from './operations/generate-random.js'
import { getKeyPolicy } from './operations/get-key-policy.js'
import { getPublicKey } from './operations/get-public-key.js'
import { listAliases } from './operations/list-aliases.js'
import { listKeys } from './operations/list-keys.js'
import { putKeyPolicy } from './operations/put-key-policy.js'

export type {
  Misbehaviour,
  Operation,
  OperationContext,
  VerifiedDocument,
  VerifyDocument,
} from './operation.js'

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['CreateAlias', createAlias],
  ['CreateKey', createKey],
  ['Decrypt', decrypt],
  ['DeriveSharedSecret', deriveSharedSecret],
  ['DescribeKey', describeKey],
  ['DisableKey', disableKey],
  ['EnableKey', enableKey],
  ['Encrypt', encrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateDataKeyPair', generateDataKeyPair],
  ['GenerateDataKeyWithoutPlaintext', generateDataKeyWithoutPlaintext],
  ['GenerateRandom', generateRandom],
  ['GetKeyPolicy', getKeyPolicy],
  ['GetPublicKey', getPublicKey],
  ['ListAliases', listAliases],
  ['ListKeys', listKeys],
  ['PutKeyPolicy', putKeyPolicy],
])
