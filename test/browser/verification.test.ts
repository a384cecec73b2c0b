/** The verifier's own tests, each of whose calls is made over WebCrypto too, in Node and in Chromium. */
import { vi } from 'vitest'
import { agreesInChromium, agreesOverWebCrypto, testsOf } from './agreement.js'

vi.mock('fast-check', async (original) => {
  const { withRuns } = await import('./recording.js')
  return withRuns(5, await original<typeof import('fast-check')>())
})
vi.mock('../../shared/attestation/index.js', async (original) => {
  const { recorded } = await import('./recording.js')
  const { isPlain } = await import('./transfer.js')
  const face = await original<typeof import('../../shared/attestation/index.js')>()
  /** Without a time of its own a call would be judged at another moment each time that it is made. */
  const atOneTime =
    <Options extends { readonly now?: Date }, Answer>(
      verify: (bytes: Uint8Array, options?: Options) => Answer,
    ) =>
    (bytes: Uint8Array, options?: Options) => {
      const timeless = options === undefined || (isPlain(options) && options.now === undefined)
      return verify(bytes, timeless ? ({ ...options, now: new Date() } as Options) : options)
    }
  return {
    ...face,
    verifyAttestation: atOneTime(recorded('verifyAttestation', face.verifyAttestation)),
    examineAttestation: atOneTime(recorded('examineAttestation', face.examineAttestation)),
    verifyNitroTpmAttestation: atOneTime(
      recorded('verifyNitroTpmAttestation', face.verifyNitroTpmAttestation),
    ),
    examineNitroTpmAttestation: atOneTime(
      recorded('examineNitroTpmAttestation', face.examineNitroTpmAttestation),
    ),
    parseAttestation: recorded('parseAttestation', face.parseAttestation),
    parseNitroTpmAttestation: recorded('parseNitroTpmAttestation', face.parseNitroTpmAttestation),
    pcr3OfRole: recorded('pcr3OfRole', face.pcr3OfRole),
    pcr4OfInstance: recorded('pcr4OfInstance', face.pcr4OfInstance),
    pcr8OfCertificate: recorded('pcr8OfCertificate', face.pcr8OfCertificate),
  }
})

testsOf('documents', () => import('../shared/attestation/verify.test.js'))
testsOf('policies', () => import('../shared/attestation/policy.test.js'))
testsOf('properties of policies', () => import('../shared/attestation/policy-properties.test.js'))
testsOf('requirements', () => import('../shared/attestation/requirement.test.js'))
testsOf('registers', () => import('../shared/attestation/registers.test.js'))
testsOf('examinations', () => import('../shared/attestation/examination.test.js'))
testsOf('documents of NitroTPMs', () => import('../shared/attestation/nitro-tpm.test.js'))
testsOf('documents of hardware', () => import('../shared/attestation/hardware.test.js'))
testsOf('documents with a bit flipped', () => import('./bit-flips.js'))
testsOf('hostile documents', () => import('../shared/hostile/documents.test.js'))
testsOf('hostile policies', () => import('../shared/hostile/policies.test.js'))
testsOf('hostile paths', () => import('../shared/hostile/paths.test.js'))
testsOf('hostile certificates: fields', () => import('../shared/hostile/certificate-fields.test.js'))
testsOf('hostile certificates: keys', () => import('../shared/hostile/certificate-keys.test.js'))
testsOf('hostile certificates: extensions', () => import('../shared/hostile/certificate-extensions.test.js'))
testsOf('hostile certificates: signatures', () => import('../shared/hostile/certificate-signature.test.js'))

const LEAST = { verifyAttestation: 1000, examineAttestation: 20, verifyNitroTpmAttestation: 3, pcr3OfRole: 3 }
agreesOverWebCrypto(LEAST)
agreesInChromium(LEAST)
