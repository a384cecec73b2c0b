import { createPublicKey, X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { pem, withOpenSsl } from '../support/openssl.js'
import { simulated } from '../support/simulated.js'

/** One document taken apart by counting bytes, with nothing of ours. */
async function pieces() {
  const { nsm } = await simulated()
  const { document } = await nsm.request({ type: 'Attestation', nonce: Uint8Array.of(1, 2, 3) })
  const bytes = Buffer.from(document)
  const length = bytes.readUInt16BE(8)
  const payload = bytes.subarray(10, 10 + length)
  const label = Buffer.from('kcertificate')
  const leaf = payload.indexOf(label) + label.length
  const leafLength = payload.readUInt16BE(leaf + 1)
  return {
    protectedHeader: bytes.subarray(2, 6),
    payload,
    signature: bytes.subarray(10 + length + 2),
    leaf: payload.subarray(leaf + 3, leaf + 3 + leafLength),
  }
}

/** RFC 9052, section 4.4: an array of four, "Signature1", the header, nothing, the payload. */
function sigStructure(protectedHeader: Buffer, payload: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(payload.length)
  return Buffer.concat([
    Buffer.from('\x84\x6aSignature1\x44', 'latin1'),
    protectedHeader,
    Buffer.from([0x40, 0x59]),
    length,
    payload,
  ])
}

/** SEQUENCE of two INTEGERs: leading zeros dropped, and one put before a high bit. */
function derSignature(raw: Buffer): Buffer {
  const integers = [raw.subarray(0, 48), raw.subarray(48)].map((half) => {
    const digits = half.subarray(half.findIndex((byte) => byte !== 0))
    const signed = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits
    return Buffer.concat([Buffer.from([0x02, signed.length]), signed])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

withOpenSsl("a simulated document's signature, as openssl sees it", (openssl) => {
  const verify = (publicKey: string, signature: Buffer, signed: Buffer) =>
    openssl.text(['dgst', '-sha384', '-verify', '{key}', '-signature', '{signature}', '{signed}'], {
      key: publicKey,
      signature: derSignature(signature),
      signed,
    })

  function keyOf(leaf: Buffer): string {
    return openssl.text(['x509', '-in', '{leaf}', '-noout', '-pubkey'], { leaf: pem('CERTIFICATE', leaf) })
  }

  it("is the leaf certificate's over header and payload", async () => {
    const { protectedHeader, payload, signature, leaf } = await pieces()
    expect(protectedHeader.toString('hex')).toBe('a1013822')
    expect(verify(keyOf(leaf), signature, sigStructure(protectedHeader, payload))).toBe('Verified OK\n')
  })

  it('does not hold for a payload with one byte changed', async () => {
    const { protectedHeader, payload, signature, leaf } = await pieces()
    payload[payload.length - 2] = 0
    expect(() => verify(keyOf(leaf), signature, sigStructure(protectedHeader, payload))).toThrow()
  })

  it('belongs to the key that Node reads from the certificate, too', async () => {
    const { leaf } = await pieces()
    const fromNode = new X509Certificate(leaf).publicKey
    expect(createPublicKey(keyOf(leaf)).equals(fromNode)).toBe(true)
  })
})
