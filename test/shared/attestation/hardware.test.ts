/** Documents that AWS's hardware signed, and broken ones from other projects. */
import { describe, expect, it } from 'vitest'
import { parseAttestation, verifyAttestation } from '../../../shared/attestation/index.js'
import { verifyCertificatePath } from '../../../shared/certificate-path.js'
import { nodePrimitives } from '../../../shared/crypto/node.js'
import { FormatError } from '../../../shared/errors.js'
import { type AttestationCase, attestationCases } from '../../support/attestations.js'
import { code, refusal } from '../../support/errors.js'
import { readVector, withVectors } from '../../support/vectors.js'

const anyAge = { maxAge: Number.POSITIVE_INFINITY }

const INVALID: Readonly<Record<string, string>> = {
  'invalid/base-nitro-validator_fixture-missing-3-bytes.bin': 'ERR_CBOR_UTF8',
  'invalid/blocky-nitrite_nots_e388022c.bin': 'ERR_COSE_STRUCTURE',
  'invalid/eternisai-remote-attestation-verifier_20240723T212940_5f42eb91.bin': 'ERR_COSE_SIGNATURE',
}

withVectors('documents of real hardware', (directory) => {
  const read = ({ file }: AttestationCase) => readVector(directory, `attestation/${file}`)
  const real = attestationCases(directory, 'real')
  const debug = attestationCases(directory, 'debug')
  const invalid = attestationCases(directory, 'invalid')

  it('are there in some number', () => {
    expect([real.length >= 9, debug.length >= 4, invalid.length]).toEqual([true, true, 3])
  })

  it.each(real)('$file is genuine at its own time', async (item) => {
    const { document, chain } = await verifyAttestation(read(item), { now: new Date(item.time) })
    const zero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0)
    expect(document.moduleId).toBe(item.moduleId)
    expect(document.timestamp).toEqual(new Date(item.time))
    expect(document.pcrs.size).toBe(item.pcrCount)
    expect([...document.pcrs].flatMap(([index, value]) => (zero(value) ? [] : [index]))).toEqual(
      item.nonZeroPcrs,
    )
    expect(document.publicKey?.length ?? null).toBe(item.publicKeyLength)
    expect(document.userData?.length ?? null).toBe(item.userDataLength)
    expect(document.nonce?.length ?? null).toBe(item.nonceLength)
    expect(document.debugMode).toBe(false)
    expect(chain).toHaveLength(5)
    expect(chain[0]?.subject).toBe('C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves')
    expect(chain[4]?.subject).toContain(item.moduleId)
  })

  it.each(debug)('$file is refused for its debug mode, and genuine where that is allowed', async (item) => {
    const now = new Date(item.time)
    expect(await code(() => verifyAttestation(read(item), { now }))).toBe('ERR_POLICY_DEBUG_MODE')
    const { document } = await verifyAttestation(read(item), { now, allowDebug: true })
    expect(document.debugMode).toBe(true)
  })

  it.each(invalid)('$file is refused for its own reason', async (item) => {
    const now = new Date(item.time ?? '2024-07-23T21:29:40Z')
    expect(await code(() => verifyAttestation(read(item), { now }))).toBe(INVALID[item.file])
  })

  it.each(real)('$file is genuine from the first to the last second of its certificates', async (item) => {
    const [first, last] = item.validity.map((time) => new Date(time).getTime()) as [number, number]
    const { certificate, cabundle } = parseAttestation(read(item)).document
    const roots = cabundle.slice(0, 1)
    const at = (time: number) =>
      verifyCertificatePath({ certificate, cabundle, roots, at: new Date(time) }, nodePrimitives)
    await expect(at(first)).resolves.toBeDefined()
    await expect(at(last)).resolves.toBeDefined()
    expect(await code(() => at(first - 1))).toBe('ERR_CERTIFICATE_NOT_YET_VALID')
    expect(await code(() => at(last + 1))).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it.each(real)('$file is genuine for a verifier whose clock is a minute behind', async (item) => {
    const now = new Date(new Date(item.time).getTime() - 60_000)
    await expect(verifyAttestation(read(item), { now, ...anyAge })).resolves.toBeDefined()
  })

  it.each([...real, ...debug])('$file has expired by now', async (item) => {
    expect(await code(() => verifyAttestation(read(item)))).toBe('ERR_CERTIFICATE_EXPIRED')
    expect(await code(() => verifyAttestation(read(item), anyAge))).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it.each(real)('$file is genuine with tag 18 in front', async (item) => {
    const tagged = Buffer.concat([Uint8Array.of(0xd2), read(item)])
    await expect(verifyAttestation(tagged, { now: new Date(item.time) })).resolves.toBeDefined()
  })

  describe('with a part of another document', () => {
    const [first, second] = real as [AttestationCase, AttestationCase]

    it('a signature does not fit', async () => {
      const bytes = Buffer.concat([read(first).subarray(0, -96), read(second).subarray(-96)])
      expect(await code(() => verifyAttestation(bytes, { now: new Date(first.time) }))).toBe(
        'ERR_COSE_SIGNATURE',
      )
    })
  })

  it.each([...real, ...debug])('$file is refused when it is cut short', async (item) => {
    const bytes = read(item)
    for (let length = 0; length < bytes.length; length += 50) {
      const cut = bytes.subarray(0, length)
      expect(await refusal(() => verifyAttestation(cut, { now: new Date(item.time) }))).toBeInstanceOf(
        FormatError,
      )
    }
    const last = bytes.subarray(0, -1)
    expect(await refusal(() => verifyAttestation(last, { now: new Date(item.time) }))).toBeInstanceOf(
      FormatError,
    )
  })
})
