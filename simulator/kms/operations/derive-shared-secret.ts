import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { dryRunSucceeded, type KmsError, validation } from '../errors.js'
import { findKey } from '../keys/key-lookup.js'
import { requireUse } from '../keys/key-use.js'
import { type KmsKey, kindOf } from '../keys/keys.js'
import type { OperationContext } from '../operation.js'
import { answerSecret, readRecipient, verifyRecipient } from '../recipient.js'
import { readRequest } from '../request.js'
import { KEY_ID, readGrantTokens } from '../request-members.js'

const OPERATION = 'DeriveSharedSecret'

/** KMS API Reference, "DeriveSharedSecret": the raw ECDH secret, the x coordinate in the length of the curve's field. */
export async function deriveSharedSecret(input: unknown, ctx: OperationContext): Promise<object> {
  const request = readRequest(input, (r) => {
    readGrantTokens(r)
    return {
      keyId: r.required('KeyId', r.text('KeyId', KEY_ID)),
      algorithm: r.required('KeyAgreementAlgorithm', r.oneOf('KeyAgreementAlgorithm', ['ECDH'])),
      publicKey: r.required('PublicKey', r.blob('PublicKey', { max: 8192 })),
      dryRun: r.flag('DryRun'),
      recipient: readRecipient(r),
    }
  })
  const recipient = await verifyRecipient(request.recipient, ctx.verify)
  const key = findKey(ctx, request.keyId, { operation: OPERATION, aliases: true })
  requireUse(ctx, key, { operation: OPERATION, usage: 'KEY_AGREEMENT', recipientPcrs: recipient?.pcrs })
  const publicKey = peerKey(key, request.publicKey)
  if (request.dryRun) throw dryRunSucceeded()
  const secret = diffieHellman({ privateKey: key.material, publicKey })
  return {
    KeyId: key.arn,
    KeyAgreementAlgorithm: request.algorithm,
    KeyOrigin: 'AWS_KMS',
    ...(await answerSecret('SharedSecret', secret, recipient, ctx)),
  }
}

/** Exactly one DER SubjectPublicKeyInfo, of the key's own curve. */
function peerKey(key: KmsKey, spki: Buffer): KeyObject {
  let peer: KeyObject
  try {
    peer = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    throw refused(key)
  }
  const { pair } = kindOf(key.spec)
  if (pair?.type !== 'ec' || peer.asymmetricKeyDetails?.namedCurve !== pair.curve) throw refused(key)
  // node:crypto also takes bytes after the key.
  if (!peer.export({ format: 'der', type: 'spki' }).equals(spki)) throw refused(key)
  return peer
}

function refused({ spec }: KmsKey): KmsError {
  // invented: AWS does not publish this text
  return validation(
    `PublicKey must be a DER-encoded X.509 public key (SubjectPublicKeyInfo) of the curve of ${spec}`,
  )
}
