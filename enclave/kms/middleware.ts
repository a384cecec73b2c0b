/** Attested KMS calls for any KMSClient: `client.middlewareStack.use(nitroRecipient(recipient))`. */
import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-kms'
import { type HandlerExecutionContext, type Pluggable, SMITHY_CONTEXT_KEY } from '@smithy/types'
import { OperationError, UsageError } from '../../shared/errors.js'
import type { Recipient } from './recipient.js'

/** What the middleware reads and writes; the SDK's own types are unions over every operation. */
type Fields = Record<string, unknown>

interface AttestedOperation {
  /** The output field that takes the opened value, and in which KMS answers without Recipient. */
  readonly result: string
  /** Bytes that the opened value must have. */
  length(input: Fields): number
}

/** The operations of the KMS API that carry Recipient; `undefined`: not opened by this SDK, so refused. */
const OPERATIONS = new Map<string, AttestedOperation | undefined>([
  ['GenerateRandom', { result: 'Plaintext', length: ({ NumberOfBytes }) => bytes(NumberOfBytes) }],
  ['Decrypt', undefined],
  ['DeriveSharedSecret', undefined],
  ['GenerateDataKey', undefined],
  ['GenerateDataKeyPair', undefined],
])

/**
 * Adds an attestation document to the operations that take one, opens the answer and puts the value where
 * callers expect it. GenerateRandom for now; the other four fail with ERR_RECIPIENT_UNSUPPORTED, because
 * without a recipient they would bring the plaintext unattested. Everything else passes untouched.
 *
 * Calls throw UsageError ERR_USAGE (the input already has a Recipient, or no NumberOfBytes), and
 * OperationError ERR_RECIPIENT_UNSUPPORTED, ERR_KMS_IGNORED_RECIPIENT or ERR_ENVELOPE.
 */
export function nitroRecipient(recipient: Recipient): Pluggable<ServiceInputTypes, ServiceOutputTypes> {
  /** Which operation each call was given a recipient for. */
  const attested = new WeakMap<HandlerExecutionContext, string>()
  return {
    applyToStack(stack) {
      stack.add(
        (next, context) => async (args) => {
          const name = String(context.commandName).replace(/Command$/, '')
          const operation = OPERATIONS.get(name)
          if (operation === undefined) return next(args)
          const input = args.input as Fields
          if (input.Recipient !== undefined) {
            throw new UsageError('ERR_USAGE', `${name}: Recipient is set by this SDK`)
          }
          const length = operation.length(input)
          const Recipient = {
            AttestationDocument: await recipient.attest(abortable(context)),
            KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
          }
          attested.set(context, name)
          const answer = await next({ ...args, input: { ...input, Recipient } as ServiceInputTypes })
          const { CiphertextForRecipient, ...output } = answer.output as unknown as Fields
          const exposed = (output[operation.result] ?? null) !== null
          if (exposed || !(CiphertextForRecipient instanceof Uint8Array)) throw ignored(name)
          output[operation.result] = await recipient.open(CiphertextForRecipient, { length })
          return { ...answer, output: output as unknown as ServiceOutputTypes }
        },
        { name: 'nitroRecipient', step: 'initialize', priority: 'low' },
      )
      // What goes over the wire decides, whatever the command calls itself (or does not).
      stack.add(
        (next, context) => async (args) => {
          const name = operationOnTheWire(args.request)
          if (OPERATIONS.has(name) && attested.get(context) !== name) throw unsupported(name)
          return next(args)
        },
        { name: 'nitroRecipientGuard', step: 'build', priority: 'low' },
      )
    },
  }
}

/** AWS JSON 1.1 names the operation in a header. Without it nobody can tell what is being asked. */
function operationOnTheWire(request: unknown): string {
  const { headers } = request as { readonly headers?: Readonly<Record<string, string | undefined>> }
  const name = headers?.['x-amz-target']?.split('.').at(-1)
  if (name === undefined) throw unsupported('a request without X-Amz-Target')
  return name
}

function abortable(context: HandlerExecutionContext): { signal?: AbortSignal } {
  const signal: unknown = context[SMITHY_CONTEXT_KEY]?.abortSignal
  return signal instanceof AbortSignal ? { signal } : {}
}

/** KMS checks the range. */
function bytes(value: unknown): number {
  if (typeof value !== 'number') throw new UsageError('ERR_USAGE', 'NumberOfBytes: not a number')
  return value
}

function ignored(name: string): OperationError {
  return new OperationError('ERR_KMS_IGNORED_RECIPIENT', `${name}: not answered for the recipient only`)
}

function unsupported(name: string): OperationError {
  return new OperationError('ERR_RECIPIENT_UNSUPPORTED', `${name}: cannot be asked for with a recipient`)
}
