import { describe, expect, it } from 'vitest'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { decodeCbor } from '../../../shared/cbor.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { acceptUnsignedEmulatorDocuments } from '../../../simulator/kms/emulator-documents.js'
import { refusal } from '../../support/errors.js'
import { startSimulation } from '../../support/simulation.js'

const ZEROS = new Uint8Array(64)

interface Parts {
  readonly algorithm?: number
  readonly signature?: Uint8Array
  readonly certificate?: Uint8Array
  readonly timestamp?: number
}

/** As QEMU's virtio-nsm writes it. */
function emulated({
  algorithm = -1,
  signature = ZEROS,
  certificate = ZEROS,
  timestamp = Date.now(),
}: Parts = {}) {
  const payload = new Map<string, Parameters<typeof encodeCbor>[0]>([
    ['module_id', 'i-234-enc5678'],
    ['digest', 'SHA384'],
    ['timestamp', timestamp],
    ['pcrs', new Map([[0, new Uint8Array(48).fill(7)]])],
    ['certificate', certificate],
    ['cabundle', [ZEROS]],
    ['public_key', null],
    ['user_data', null],
    ['nonce', null],
  ])
  return encodeCbor([encodeCbor(new Map([[1, algorithm]])), new Map(), encodeCbor(payload), signature])
}

describe("the emulator's unsigned documents", () => {
  it('are read by the one function that names them', async () => {
    const { document } = await acceptUnsignedEmulatorDocuments(emulated())
    expect(document.pcrs.get(0)).toEqual(new Uint8Array(48).fill(7))
  })

  it('are refused by the verifier, whatever it is told to tolerate', async () => {
    const tolerant = { maxAge: Number.POSITIVE_INFINITY, allowDebug: true, roots: [ZEROS] }
    expect(await refusal(() => verifyAttestation(emulated(), tolerant))).toMatchObject({
      name: 'FormatError',
    })
    expect(await refusal(() => verifyAttestation(emulated()))).toMatchObject({ code: 'ERR_COSE_ALGORITHM' })
  })

  it('are refused by the KMS of a simulation', async () => {
    const { dependencies } = await startSimulation()
    const { createKmsClient } = await import('../../../enclave/kms/client.js')
    const { GenerateRandomCommand } = await import('@aws-sdk/client-kms')
    const kms = createKmsClient(dependencies)
    const Recipient = {
      AttestationDocument: emulated(),
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    } as const
    await expect(kms.send(new GenerateRandomCommand({ NumberOfBytes: 1, Recipient }))).rejects.toMatchObject({
      name: 'ValidationException',
    })
    kms.destroy()
  })

  it.each([
    ['an algorithm', { algorithm: -35 }],
    ['a signature', { signature: new Uint8Array(96).fill(1) }],
    ['one bit of a signature', { signature: Uint8Array.from(ZEROS).fill(1, 63) }],
    ['a certificate', { certificate: new Uint8Array(64).fill(1) }],
  ])('are the only ones that it takes: not with %s', async (_, parts) => {
    expect(await refusal(() => acceptUnsignedEmulatorDocuments(emulated(parts)))).toMatchObject({
      code: 'ERR_DOCUMENT_STRUCTURE',
    })
  })

  it('grow too old like any other', async () => {
    const old = emulated({ timestamp: Date.now() - 300_001 - 1_000 })
    expect(await refusal(() => acceptUnsignedEmulatorDocuments(old))).toMatchObject({
      code: 'ERR_POLICY_MAX_AGE',
    })
  })

  it('are the only ones that it takes: not those of a simulation', async () => {
    const { dependencies } = await startSimulation()
    const { document } = await dependencies.nsm.request({ type: 'Attestation' })
    expect(decodeCbor(document)).toHaveLength(4)
    expect(await refusal(() => acceptUnsignedEmulatorDocuments(document))).toMatchObject({
      code: 'ERR_DOCUMENT_STRUCTURE',
    })
  })
})
