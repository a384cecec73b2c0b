import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAttestation } from '../../shared/attestation/document.js'
import { verifyAttestation } from '../../shared/attestation/index.js'
import { decodeCbor } from '../../shared/cbor.js'
import { extended } from '../../simulator/pcr-bank.js'
import { type Simulated, simulated } from '../support/simulated.js'
import { readVector, withVectors } from '../support/vectors.js'

const START = Date.parse('2026-05-01T12:00:00.000Z')
const HOUR = 3_600_000

async function attest({ nsm }: Pick<Simulated, 'nsm'>, nonce?: Uint8Array): Promise<Uint8Array> {
  const { document } = await nsm.request({ type: 'Attestation', ...(nonce && { nonce }) })
  return document
}

/** The payload: what follows the headers 84 44 a1013822 a0 and a length of two bytes. */
function payloadOf(document: Uint8Array): Buffer {
  const bytes = Buffer.from(document)
  expect(bytes[7]).toBe(0x59)
  return bytes.subarray(10, 10 + bytes.readUInt16BE(8))
}

/** The bytes that follow a field's name in the payload. */
function following(payload: Buffer, name: string, length: number): string {
  const start = payload.indexOf(name) + name.length
  return payload.toString('hex', start, start + length)
}

describe('the bytes of a simulated document', () => {
  it("begin as hardware's do: untagged, ES384, nothing unprotected", async () => {
    const document = await attest(await simulated())
    expect(Buffer.from(document.subarray(0, 8)).toString('hex')).toBe('8444a1013822a059')
  })

  it('end with a signature of 96 bytes', async () => {
    const document = Buffer.from(await attest(await simulated()))
    expect(document.subarray(10 + payloadOf(document).length, -96).toString('hex')).toBe('5860')
  })

  it('hold a payload of indefinite length, as hardware writes it today', async () => {
    const payload = payloadOf(await attest(await simulated()))
    expect([payload[0], payload.at(-1)]).toEqual([0xbf, 0xff])
  })

  it('hold a payload of definite length when asked, as hardware did', async () => {
    expect(payloadOf(await attest(await simulated({ definiteLength: true })))[0]).toBe(0xa9)
  })

  it.each([true, false])("keep hardware's key order (definite length: %s)", async (definiteLength) => {
    const fields = decodeCbor(payloadOf(await attest(await simulated({ definiteLength }))))
    expect(fields instanceof Map && [...fields.keys()]).toEqual([
      'module_id',
      'digest',
      'timestamp',
      'pcrs',
      'certificate',
      'cabundle',
      'public_key',
      'user_data',
      'nonce',
    ])
  })

  it('write null for what is absent', async () => {
    const payload = payloadOf(await attest(await simulated()))
    expect(following(payload, 'public_key', 1)).toBe('f6')
    expect(following(payload, 'user_data', 1)).toBe('f6')
    expect(following(payload, 'nonce', 2)).toBe('f6ff')
  })

  it('write an empty byte string for what is empty', async () => {
    const payload = payloadOf(await attest(await simulated(), new Uint8Array()))
    expect(following(payload, 'nonce', 2)).toBe('40ff')
  })

  it('write 16 registers in a map of definite length, and four authorities in an array of definite length', async () => {
    const payload = payloadOf(await attest(await simulated()))
    expect(following(payload, 'pcrs', 4)).toBe('b0005830')
    expect(following(payload, 'cabundle', 2)).toBe('8459')
  })

  it('write the time in eight bytes, to the millisecond', async () => {
    const payload = payloadOf(await attest(await simulated({ now: () => new Date(START + 7) })))
    expect(following(payload, 'timestamp', 9)).toBe(`1b${(START + 7).toString(16).padStart(16, '0')}`)
  })
})

describe('a simulated document', () => {
  it("verifies under the simulation's own root", async () => {
    const enclave = await simulated()
    const { document } = await verifyAttestation(await attest(enclave), {
      roots: [enclave.root],
      pcrs: Object.fromEntries(enclave.identity.pcrs),
    })
    expect(document.debugMode).toBe(false)
  })

  it('verifies with a payload of definite length too', async () => {
    const enclave = await simulated({ definiteLength: true })
    await expect(verifyAttestation(await attest(enclave), { roots: [enclave.root] })).resolves.toBeDefined()
  })

  it('never verifies under the AWS root', async () => {
    await expect(verifyAttestation(await attest(await simulated()))).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_UNTRUSTED_ROOT',
    })
  })

  it("never verifies under another simulation's root", async () => {
    const { root } = await simulated()
    await expect(verifyAttestation(await attest(await simulated()), { roots: [root] })).rejects.toMatchObject(
      {
        code: 'ERR_CERTIFICATE_UNTRUSTED_ROOT',
      },
    )
  })

  it('says that it is simulated', async () => {
    const { document } = parseAttestation(await attest(await simulated()))
    expect(document.moduleId).toContain('simulated')
  })

  it('is signed anew for every request', async () => {
    const enclave = await simulated({ now: () => new Date(START) })
    expect(await attest(enclave)).not.toEqual(await attest(enclave))
  })

  it('is genuine 50 times at once, with one certificate', async () => {
    const enclave = await simulated()
    const documents = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const nonce = Uint8Array.of(index)
        const bytes = await attest(enclave, nonce)
        return (await verifyAttestation(bytes, { roots: [enclave.root], nonce })).document
      }),
    )
    expect(new Set(documents.map(({ certificate }) => Buffer.from(certificate).toString('hex'))).size).toBe(1)
  })

  it('carries the registers of the moment at which it was asked for', async () => {
    const enclave = await simulated()
    const asked = attest(enclave)
    await enclave.nsm.request({ type: 'LockPCRs', range: 32 })
    expect(parseAttestation(await asked).document.pcrs.size).toBe(16)
  })
})

describe('the enclave certificate', () => {
  async function certificatesAt(...moments: readonly number[]): Promise<readonly string[]> {
    let now = START
    const enclave = await simulated({ now: () => new Date(now) })
    const certificates: string[] = []
    for (const moment of moments) {
      now = START + moment
      const bytes = await attest(enclave)
      const { document } = await verifyAttestation(bytes, { roots: [enclave.root], now: new Date(now) })
      certificates.push(Buffer.from(document.certificate).toString('hex'))
    }
    return certificates
  }

  it('is used again for nearly three hours', async () => {
    const [first, second] = await certificatesAt(0, 2.9 * HOUR)
    expect(second).toBe(first)
  })

  it('is replaced before its three hours are over', async () => {
    const [first, second, third] = await certificatesAt(0, 3 * HOUR - 1, 3 * HOUR)
    expect(second).not.toBe(first)
    expect(third).toBe(second)
  })

  it.each([1, 7, 40])('still chains to the same root after %d days', async (days) => {
    const [, later] = await certificatesAt(0, days * 24 * HOUR)
    expect(later).toBeDefined()
  })

  it('that could not be issued is issued at the next request', async () => {
    const { authority, root } = await simulated()
    let broken = true
    const failing = {
      ...authority,
      get privateKey() {
        return broken ? new Uint8Array() : authority.privateKey
      },
    }
    const enclave = await simulated({ authority: failing })
    await expect(attest(enclave)).rejects.toThrow()
    broken = false
    await expect(verifyAttestation(await attest(enclave), { roots: [root] })).resolves.toBeDefined()
  })

  it.each([30_000, 2 * HOUR])('is replaced when the clock was set back by %d ms', async (back) => {
    const [first, second] = await certificatesAt(0, -back)
    expect(second).not.toBe(first)
  })
})

withVectors('real documents', (directory) => {
  const names = readdirSync(join(directory, 'attestation/real')).filter((name) => name.endsWith('.bin'))

  it.each(names)("%s has the measured instance id in PCR4, as the simulator's", (name) => {
    const { document } = parseAttestation(readVector(directory, join('attestation/real', name)))
    const [instanceId = ''] = document.moduleId.split('-enc')
    expect(document.pcrs.get(4)).toEqual(extended(new Uint8Array(48), Buffer.from(instanceId)))
  })
})
