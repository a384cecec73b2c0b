/** The operations of the simulated KMS. Source: KMS API Reference, "GenerateRandom" and "RecipientInfo". */
import { createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { FormatError, NitroEnclaveError } from '../../shared/errors.js'
import { explainDenial } from './denial.js'
import { sealEnvelopedData } from './enveloped-data.js'
import { accessDenied, constraints, type KmsError, serialization, validation } from './errors.js'
import { type KeyStores, requireKeyStore } from './key-stores.js'
import { evaluate, type IamPolicy } from './policy.js'

/** Bytes. */
const MAX_RANDOM = 1024
const MAX_DOCUMENT = 262_144

/** What a verified attestation document says. */
export interface VerifiedDocument {
  readonly document: {
    readonly pcrs: ReadonlyMap<number, Uint8Array>
    readonly publicKey?: Uint8Array | undefined
  }
}

/** Throws NitroEnclaveError for a document that is malformed, forged or too old. */
export type VerifyDocument = (document: Uint8Array) => Promise<VerifiedDocument>

/** How a hostile or outdated KMS answers a call that carries Recipient. */
export type Misbehaviour = 'ignoreRecipient' | 'wrongRecipient' | 'truncatedEnvelope'

export interface OperationContext {
  readonly verify: VerifyDocument
  readonly callerArn: string
  readonly policy: IamPolicy
  readonly keyStores: KeyStores
  readonly misbehaviour?: Misbehaviour | undefined
  /** Told why the policy refused an enclave. */
  readonly onDenial?: ((hint: string) => void) | undefined
}

/** Base64, as on the wire; never both. */
export type GenerateRandomOutput = { Plaintext: string } | { CiphertextForRecipient: string }

/**
 * GenerateRandom: validates the input, then the attestation, then asks the policy, then the key store.
 * Throws KmsError ValidationException, SerializationException, AccessDeniedException or a key store's.
 */
export async function generateRandom(input: unknown, ctx: OperationContext): Promise<GenerateRandomOutput> {
  const { numberOfBytes, customKeyStoreId, document } = parseInput(input)
  const recipient = document && (await attestedRecipient(document, ctx.verify))
  authorize('kms:GenerateRandom', recipient?.pcrs, ctx)
  if (customKeyStoreId !== undefined) requireKeyStore(ctx.keyStores, customKeyStoreId)
  const random = randomBytes(numberOfBytes)
  try {
    if (recipient === undefined || ctx.misbehaviour === 'ignoreRecipient') {
      return { Plaintext: random.toString('base64') }
    }
    const envelope = sealEnvelopedData(random, await targetKey(recipient.publicKey, ctx.misbehaviour))
    const answered = ctx.misbehaviour === 'truncatedEnvelope' ? envelope.subarray(0, -16) : envelope
    return { CiphertextForRecipient: Buffer.from(answered).toString('base64') }
  } finally {
    random.fill(0)
  }
}

interface Input {
  readonly numberOfBytes: number
  readonly customKeyStoreId: string | undefined
  readonly document: Uint8Array | undefined
}

function parseInput(input: unknown): Input {
  const members = structure(input, 'The request') ?? {}
  const numberOfBytes = integer(members.NumberOfBytes, 'NumberOfBytes')
  const customKeyStoreId = string(members.CustomKeyStoreId, 'CustomKeyStoreId')
  const recipient = structure(members.Recipient, 'Recipient')
  const document = blob(recipient?.AttestationDocument, 'AttestationDocument')
  const algorithm = string(recipient?.KeyEncryptionAlgorithm, 'KeyEncryptionAlgorithm')

  const broken = [
    ...range(numberOfBytes, `'${numberOfBytes}' `, 'numberOfBytes', 'value', MAX_RANDOM),
    ...range(customKeyStoreId?.length, `'${customKeyStoreId}' `, 'customKeyStoreId', 'length', 64),
    ...range(document?.length, '', 'recipient.attestationDocument', 'length', MAX_DOCUMENT),
  ]
  if (algorithm !== undefined && algorithm !== 'RSAES_OAEP_SHA_256') {
    broken.push(
      `Value '${algorithm}' at 'recipient.keyEncryptionAlgorithm' failed to satisfy constraint: ` +
        'Member must satisfy enum value set: [RSAES_OAEP_SHA_256]',
    )
  }
  if (broken.length > 0) throw constraints(broken)
  if (numberOfBytes === undefined) throw validation('Please specify either number of bytes or key spec.')
  if (recipient !== undefined && (document === undefined || algorithm === undefined)) {
    // invented: AWS does not publish this text
    throw validation('Recipient needs both AttestationDocument and KeyEncryptionAlgorithm')
  }
  return { numberOfBytes, customKeyStoreId, document }
}

/** The constraint that `size` (1..max) breaks, in AWS's words: none or one. */
function range(size: number | undefined, value: string, at: string, measure: string, max: number): string[] {
  if (size === undefined || (size >= 1 && size <= max)) return []
  const bound = size < 1 ? 'greater than or equal to 1' : `less than or equal to ${max}`
  return [`Value ${value}at '${at}' failed to satisfy constraint: Member must have ${measure} ${bound}`]
}

interface Recipient {
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  readonly publicKey: Uint8Array
}

async function attestedRecipient(bytes: Uint8Array, verify: VerifyDocument): Promise<Recipient> {
  const { document } = await verify(bytes).catch((error: unknown) => {
    throw error instanceof NitroEnclaveError ? attestationRefused(error) : error
  })
  return { pcrs: document.pcrs, publicKey: rsaPublicKey(document.publicKey) }
}

function attestationRefused(error: NitroEnclaveError): KmsError {
  if (error.code === 'ERR_POLICY_MAX_AGE') {
    // invented: AWS does not publish this text
    return validation(`The attestation document exceeded the five-minute age limit (${error.code})`)
  }
  const what = error instanceof FormatError ? 'cannot parse' : 'cannot accept'
  // invented: AWS does not publish this text
  return validation(`KMS ${what} the attestation document (${error.code})`)
}

/** An RSA key of 2048 to 4096 bits, as exactly one DER SubjectPublicKeyInfo. */
function rsaPublicKey(spki: Uint8Array | undefined): Uint8Array {
  // invented: AWS does not publish this text
  const refused = validation('The attestation document needs an RSA public key of 2048 to 4096 bits')
  if (spki === undefined) throw refused
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw refused
  }
  const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0
  if (bits < 2048 || bits > 4096) throw refused
  // node:crypto also takes bytes after the key.
  if (!key.export({ format: 'der', type: 'spki' }).equals(spki)) throw refused
  return spki
}

function authorize(action: string, pcrs: Recipient['pcrs'] | undefined, ctx: OperationContext): void {
  const { decision } = evaluate(ctx.policy, { action, resource: '*', recipientPcrs: pcrs })
  if (decision === 'allow') return
  const hint = pcrs && explainDenial(ctx.policy, pcrs, action)
  if (hint !== undefined) ctx.onDenial?.(hint)
  throw accessDenied(ctx.callerArn, action, decision === 'explicitDeny')
}

async function targetKey(publicKey: Uint8Array, misbehaviour: Misbehaviour | undefined): Promise<Uint8Array> {
  if (misbehaviour !== 'wrongRecipient') return publicKey
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const modulusLength = key.asymmetricKeyDetails?.modulusLength ?? 2048
  const stranger = await promisify(generateKeyPair)('rsa', { modulusLength })
  return stranger.publicKey.export({ format: 'der', type: 'spki' })
}

// JSON members: AWS JSON 1.1 takes null for an absent one, and passes over unknown ones.
// invented: AWS does not publish the four texts below

function structure(value: unknown, name: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) throw serialization(`${name} must be a structure`)
  return value as Record<string, unknown>
}

function string(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw serialization(`${name} must be a string`)
  return value
}

function integer(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || (value | 0) !== value) throw serialization(`${name} must be an integer`)
  return value
}

function blob(value: unknown, name: string): Uint8Array | undefined {
  const text = string(value, name)
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw serialization(`${name} must be base64`)
  return bytes
}
