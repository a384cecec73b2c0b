/** The answer came, and is of no use to this recipient. */
import { createHash } from 'node:crypto'
import type { AttestedCall } from '../attested-call.js'
import { type EnvelopedData, parseEnvelopedData } from '../enveloped-data.js'
import type { Diagnosis, Failure } from './diagnosis.js'

/**
 * From public data alone, which whoever made the envelope has: whom it names, and our public key. What came of opening
 * it has no say, and every failure to open gets one of the two.
 */
export function unopened({ symptom, attested }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_ENVELOPE') return undefined
  if (attested !== undefined && isForAnother(attested)) {
    return {
      code: 'ENVELOPE_FOR_ANOTHER_KEY',
      likely: 'CiphertextForRecipient is sealed for another public key than the one that this call attested.',
      next: 'Call again, and find out who answers: KMS seals for the key in the attestation document of the call.',
    }
  }
  return {
    code: 'ENVELOPE_REFUSED',
    likely:
      'CiphertextForRecipient is damaged, forged, or does not hold what was asked for; which of them is not told, on ' +
      'purpose.',
    next: 'Call again. If that fails too, find out who answers: what KMS seals can be opened.',
  }
}

/** KMS names the recipient by the SHA-256 of its public key's DER; others need not name it so. */
function isForAnother({
  publicKey,
  ciphertextForRecipient: envelope = new Uint8Array(0),
}: AttestedCall): boolean {
  // Both of every envelope, whatever it is.
  const own = createHash('sha256').update(publicKey).digest()
  const named = recipientId(envelope)
  return named?.length === own.length && !own.equals(named)
}

function recipientId(envelope: Uint8Array): EnvelopedData['recipientId'] {
  try {
    return parseEnvelopedData(envelope).recipientId
  } catch {
    return undefined
  }
}

export function ignoredRecipient({ symptom, client }: Failure): Diagnosis | undefined {
  if (symptom !== 'ERR_KMS_IGNORED_RECIPIENT') return undefined
  return {
    code: 'IGNORED_RECIPIENT',
    likely: `Whoever answers for ${client.host} does not seal its answers for a recipient: an emulator of KMS.`,
    next: 'Let the proxy lead to KMS itself, or to the simulated KMS of this SDK.',
  }
}
