/** `nitro-enclave-sdk/attestation` where there is no Node: the same by WebCrypto. Its functions are described in index.ts. */
import { webPrimitives } from '../crypto/web.js'
import { createVerifier } from './verify.js'
import { createVerifyMany, type VerifyMany } from './verify-many.js'

export * from './face.js'

export const {
  verifyAttestation,
  examineAttestation,
  verifyNitroTpmAttestation,
  examineNitroTpmAttestation,
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
} = createVerifier(webPrimitives)

/** Documents under way at a time, unless told otherwise; WebCrypto has threads of its own. */
const AT_ONCE = 4

export const verifyMany: VerifyMany = createVerifyMany(
  examineAttestation,
  (options, concurrency) => ({
    readAhead: concurrency,
    examine: (document) => examineAttestation(document, options),
    close: async () => {},
  }),
  () => AT_ONCE,
)
