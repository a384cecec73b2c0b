/** Attested KMS calls for any KMSClient: `client.middlewareStack.use(nitroRecipient(recipient))`. */
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-kms'
import type { Pluggable } from '@smithy/types'
import { OperationError, UsageError } from '../../shared/errors.js'
import { abortable, signalOf } from './abort.js'
import { attestedCall, recordAnswer, recordAttestedCall } from './attested-call.js'
import { checkAnsweringKey, requireFullArns } from './key-id.js'
import { mix as mixed, SALT_LENGTH } from './mix.js'
import { type AttestedOperation, type Fields, OPERATIONS } from './operations.js'
import type { Recipient, RecipientSource } from './recipient.js'
import { withFreshDocument } from './stale-document.js'

export interface NitroRecipientOptions {
  /**
   * GenerateRandom's bytes are combined with 64 of the Nitro Secure Module's by HKDF-SHA-384, so that neither KMS nor
   * the module alone decides them. Up to 48 bytes lose no strength by it; longer outputs have that of 384 bits. The
   * other operations' values cannot be mixed: KMS keeps a ciphertext of them, or they belong to a public key.
   */
  readonly mix?: 'nsm' | undefined
  /**
   * Refuses, before anything is sent, whatever names its KMS key by less than a full key ARN, also a Decrypt without
   * KeyId, and also what is not attested: Encrypt, GetPublicKey and all others. An alias leads where the owner of the
   * account says, and whoever gives the credentials, the parent, chooses the account: what is encrypted by an alias the
   * parent may be able to decrypt.
   */
  readonly requireKeyArn?: boolean | undefined
}

/**
 * Adds a fresh attestation document to the operations that take one (GenerateRandom, Decrypt, GenerateDataKey,
 * GenerateDataKeyPair, DeriveSharedSecret), opens the answer, holds it to what was asked for, and puts the value where
 * the SDK's own types have it: Plaintext, PrivateKeyPlaintext, SharedSecret. Everything else passes untouched (but see
 * `requireKeyArn`). A call keeps the recipient that it began with. A document that KMS finds too old is replaced once.
 *
 * Give Decrypt a KeyId and an EncryptionContext. The enclave gets its ciphertexts through the parent, which can swap
 * one for another under the same key, or under a key of its own. KMS decrypts only with the context that a ciphertext
 * was made with: one that says what it is for (name, version, owner) makes each of them stand for itself. KeyId, best
 * a full key ARN, keeps the parent's own keys out: the key that answers must be the one asked for. Asked by an alias,
 * or not at all, that cannot be checked: see `requireKeyArn`.
 *
 * Calls throw UsageError ERR_USAGE (the input already has a Recipient, does not say what is wanted, or names its key
 * otherwise than required); OperationError ERR_RECIPIENT_UNSUPPORTED (a command that hides what it is),
 * ERR_KMS_IGNORED_RECIPIENT (not answered for the recipient alone), ERR_KMS_KEY_MISMATCH and ERR_ENVELOPE; NsmError;
 * and an AbortError as soon as they are aborted, where the waiting is this middleware's: a client of createKmsClient
 * ends them wherever they are. Throws UsageError ERR_USAGE for what is not a recipient, and for unknown options.
 */
export function nitroRecipient(
  recipient: Recipient | RecipientSource,
  { mix, requireKeyArn = false }: NitroRecipientOptions = {},
): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  const source = sourceOf(recipient)
  if (mix !== undefined && mix !== 'nsm') throw new UsageError('ERR_USAGE', `mix: not 'nsm': ${String(mix)}`)
  if (typeof requireKeyArn !== 'boolean') throw new UsageError('ERR_USAGE', 'requireKeyArn: not a boolean')
  return {
    applyToStack(stack) {
      stack.add(
        (next, context) => async (args) => {
          const name = String(context.commandName).replace(/Command$/, '')
          const operation = OPERATIONS.get(name)
          if (requireKeyArn) requireFullArns(name, { ...args.input }, operation?.keyed)
          if (operation === undefined) return next(args)
          // A copy: what is asked for stays so, whatever becomes of the caller's object meanwhile.
          const input: Fields = { ...args.input }
          if (input.Recipient !== undefined) {
            throw new UsageError('ERR_USAGE', `${name}: Recipient is set by this SDK`)
          }
          const expected = operation.expected(input)

          const signal = signalOf(context)
          const recipient = await abortable(() => source.recipient(), signal)
          const answer = await withFreshDocument(async () => {
            const document = await recipient.attest({ signal })
            recordAttestedCall(context, { operation: name, publicKey: recipient.publicKey, document })
            return next({ ...args, input: withRecipient(input, document) })
          })

          const { sealed, rest } = sealedAnswer(name, operation, { ...answer.output })
          recordAnswer(context, sealed)
          // Before anything is opened: of another key's answer no plaintext ever comes to be.
          if (operation.keyed) checkAnsweringKey(name, input.KeyId, rest.KeyId)
          const opened = await recipient.open(sealed, expected(rest))
          const value = mix && operation.mixable ? await mixIn(opened, recipient, signal) : opened
          const output: Fields = { ...rest, [operation.result]: value }
          return { ...answer, output: output as unknown as ServiceOutputTypes }
        },
        { name: 'nitroRecipient', step: 'initialize', priority: 'low' },
      )
      // What goes over the wire decides, whatever the command calls itself (or does not).
      stack.add(
        (next, context) => async (args) => {
          const name = operationOnTheWire(args.request)
          if (OPERATIONS.has(name) && attestedCall(context)?.operation !== name) throw unsupported(name)
          return next(args)
        },
        { name: 'nitroRecipientGuard', step: 'build', priority: 'low' },
      )
    },
  }
}

function sourceOf(recipient: Recipient | RecipientSource): RecipientSource {
  const { attest, recipient: give } = (recipient ?? {}) as Partial<Recipient & RecipientSource>
  if (typeof give === 'function') return recipient as RecipientSource
  if (typeof attest === 'function') return { recipient: async () => recipient as Recipient }
  throw new UsageError('ERR_USAGE', 'recipient: neither a Recipient nor a RecipientSource')
}

function withRecipient(input: Fields, document: Uint8Array): ServiceInputTypes {
  const Recipient = { AttestationDocument: document, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }
  return { ...input, Recipient } as ServiceInputTypes
}

/** The envelope of an answer, and what came beside it. Throws OperationError ERR_KMS_IGNORED_RECIPIENT. */
function sealedAnswer(
  name: string,
  { result }: AttestedOperation,
  { CiphertextForRecipient: sealed, [result]: exposed, ...rest }: Fields,
): { sealed: Uint8Array; rest: Fields } {
  if ((exposed ?? null) === null && sealed instanceof Uint8Array) return { sealed, rest }
  if (exposed instanceof Uint8Array) exposed.fill(0)
  throw new OperationError(
    'ERR_KMS_IGNORED_RECIPIENT',
    `${name}: KMS did not answer for the recipient alone: it does not heed Recipient, as an emulator may not`,
  )
}

async function mixIn(
  fromKms: Uint8Array,
  recipient: Recipient,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  try {
    const fromNsm = await abortable(
      () => recipient.random(SALT_LENGTH),
      signal,
      (late) => late.fill(0),
    )
    return mixed(fromKms, fromNsm)
  } finally {
    fromKms.fill(0)
  }
}

/** AWS JSON 1.1 names the operation in a header. Without it nobody can tell what is being asked. */
function operationOnTheWire(request: unknown): string {
  const { headers } = request as { readonly headers?: Readonly<Record<string, string | undefined>> }
  const name = headers?.['x-amz-target']?.split('.').at(-1)
  if (name === undefined) throw unsupported('a request without X-Amz-Target')
  return name
}

function unsupported(name: string): OperationError {
  return new OperationError('ERR_RECIPIENT_UNSUPPORTED', `${name}: cannot be asked for with a recipient`)
}
