/** The form of documents, of enclaves and of NitroTPMs: what one function reads the other refuses. */
import { parseAttestation } from '../../../shared/attestation/document.js'
import type { DocumentFields } from '../../../shared/attestation/document-fields.js'
import { parseNitroTpmAttestation } from '../../../shared/attestation/nitro-tpm-document.js'
import { FormatError } from '../../../shared/errors.js'
import { mutateSigned } from '../documents/resign.js'
import { documentSeeds, nitroTpmSeed } from '../documents/seeds.js'
import { mutateCbor } from '../mutators/cbor.js'
import { broken, type Target } from '../target.js'
import { vectorsIn } from '../vector-seeds.js'

const CODE = /^ERR_(?:CBOR|COSE|DOCUMENT)_/

export const target: Target = {
  maxLength: 16 * 1024 + 64,
  seeds: () => [
    ...documentSeeds(),
    nitroTpmSeed(),
    ...vectorsIn('attestation/real').slice(0, 4),
    ...vectorsIn('attestation/debug').slice(0, 2),
    ...vectorsIn('attestation/invalid'),
  ],
  mutators: [mutateCbor, mutateSigned],
  refusals: [{ class: FormatError, code: CODE }],
  run: (bytes) => {
    const enclave = readOrRefused(() => parseAttestation(bytes).document)
    const instance = readOrRefused(() => parseNitroTpmAttestation(bytes).document)
    if (enclave !== undefined && instance !== undefined)
      broken('a document speaks for an enclave or an instance')
    if (enclave !== undefined) {
      const zeros = [0, 1, 2].every((index) => enclave.pcrs.get(index)?.every((byte) => byte === 0) ?? true)
      if (zeros !== enclave.debugMode) broken('debug mode is three registers of zeros')
    }
    const document = enclave ?? instance
    if (document !== undefined) checkFields(document)
  },
}

function readOrRefused<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError && CODE.test(error.code)) return undefined
    throw error
  }
}

function checkFields({ moduleId, timestamp, pcrs, certificate, cabundle, ...rest }: DocumentFields): void {
  if (moduleId === '' || Number.isNaN(timestamp.getTime())) broken('identity and time are there')
  if (pcrs.size < 1 || pcrs.size > 32) broken('1 to 32 registers')
  for (const [index, register] of pcrs) {
    if (!Number.isInteger(index) || index < 0 || index > 31) broken('registers are numbered 0 to 31')
    if (![32, 48, 64].includes(register.length)) broken('registers have a digest’s length')
  }
  for (const one of [certificate, ...cabundle]) {
    if (one.length === 0 || one.length > 1024) broken('certificates have 1 to 1,024 bytes')
  }
  for (const one of [rest.publicKey, rest.userData, rest.nonce]) {
    if (one !== undefined && one.length > 1024) broken('fields have 1,024 bytes at most')
  }
}
