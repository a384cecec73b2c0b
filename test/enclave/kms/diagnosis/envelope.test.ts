import type { webcrypto } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { unopened } from '../../../../enclave/kms/diagnosis/envelope.js'
import { CONTEXT, primitive } from '../../../../shared/asn1.js'
import { type EnvelopeParts, octetString, rsaKeyPair, seal } from '../support.js'

let own: webcrypto.CryptoKeyPair
let publicKey: Uint8Array
beforeAll(async () => {
  own = await rsaKeyPair()
  publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', own.publicKey))
})

const PLAINTEXT = new Uint8Array(32).fill(7)

/** The diagnosis of an envelope that was not opened, after `change` had a look at its parts. */
async function codeOf(change: (parts: EnvelopeParts) => void, padded?: Uint8Array) {
  const envelope = await seal(PLAINTEXT, own.publicKey, { change, ...(padded && { padded }) })
  const attested = { publicKey, ciphertextForRecipient: envelope }
  return unopened({ symptom: 'ERR_ENVELOPE', attested } as unknown as Failure)?.code
}

const name = (bytes: Uint8Array) => (parts: EnvelopeParts) => {
  parts.recipientId = primitive(0, bytes, CONTEXT)
}
const spoilKey = (parts: EnvelopeParts) => {
  parts.encryptedKey = octetString(new Uint8Array(256).fill(1))
}
const PADDED_WRONGLY = new Uint8Array(48).fill(0)

describe('an envelope that was not opened', () => {
  it('is for another key when it names one, whatever else is wrong with it', async () => {
    const another = name(new Uint8Array(32).fill(9))
    const spoilt = (parts: EnvelopeParts) => [another, spoilKey].forEach((change) => void change(parts))
    for (const code of [await codeOf(another), await codeOf(another, PADDED_WRONGLY), await codeOf(spoilt)]) {
      expect(code).toBe('ENVELOPE_FOR_ANOTHER_KEY')
    }
  })
  it('is refused when it names this one, whatever is wrong with it', async () => {
    const nothing = () => undefined
    for (const code of [
      await codeOf(nothing),
      await codeOf(nothing, PADDED_WRONGLY),
      await codeOf(spoilKey),
    ]) {
      expect(code).toBe('ENVELOPE_REFUSED')
    }
  })
  it('is refused when nothing else is known of the call', () => {
    for (const attested of [undefined, { publicKey }]) {
      const failure = { symptom: 'ERR_ENVELOPE', attested } as unknown as Failure
      expect(unopened(failure)?.code).toBe('ENVELOPE_REFUSED')
    }
  })
  it('is refused when it names a key in a way that is not KMS’s', async () => {
    expect(await codeOf(name(new Uint8Array(20).fill(9)))).toBe('ENVELOPE_REFUSED')
  })
})
