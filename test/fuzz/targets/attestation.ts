/**
 * Verification. Documents under the stand-in's root are signed again after each change: what is accepted of them must
 * hold before an independent eye. Real ones cannot be signed again: nothing but what Amazon signed may be accepted.
 */
import { parseAttestation } from '../../../shared/attestation/document.js'
import { examineAttestation as examineOnNode } from '../../../shared/attestation/index.js'
import type { VerifyOptions } from '../../../shared/attestation/options.js'
import { createVerifier, type Examination } from '../../../shared/attestation/verify.js'
import { FormatError, PolicyError, VerificationError } from '../../../shared/errors.js'
import { NOW, ROOT } from '../documents/chain.js'
import { checkAccepted } from '../documents/oracle.js'
import { mutateSigned } from '../documents/resign.js'
import { documentSeeds, NONCE, nitroTpmSeed, PCR0 } from '../documents/seeds.js'
import { standIn } from '../documents/stand-in.js'
import { broken, type Target } from '../target.js'
import { vectorsIn } from '../vector-seeds.js'

type Examine = (bytes: Uint8Array, options: VerifyOptions) => Promise<Examination>

const { examineAttestation, verifyAttestation, verifyNitroTpmAttestation } = createVerifier(standIn)
const real = [...vectorsIn('attestation/real'), ...vectorsIn('attestation/debug')]
const payloads = new Set(
  real.map((bytes) => Buffer.from(parseAttestation(bytes).envelope.payload).toString('hex')),
)

const CLASSES = [FormatError, VerificationError, PolicyError]
const UNLIMITED: VerifyOptions = { maxAge: Number.POSITIVE_INFINITY, allowDebug: true }
const STRICT: VerifyOptions = { pcrs: { 0: [PCR0, new Uint8Array(48)] }, nonce: NONCE }

export const target: Target = {
  maxLength: 16 * 1024,
  seeds: () => [...documentSeeds(), nitroTpmSeed(), ...real],
  mutators: [mutateSigned],
  // Whatever else is changed ends at the signature.
  otherChanges: 8,
  refusals: [],
  run: async (bytes) => {
    const strict = bytes.length % 2 === 0
    const options = { ...(strict ? STRICT : UNLIMITED), roots: [ROOT], now: NOW }
    const found = await agreed(examineAttestation, bytes, options)
    if (found.accepted) {
      checkAccepted(found.document, ROOT, NOW)
      if (strict && found.document.debugMode) broken('debug mode is allowed, or refused')
      await verifyAttestation(bytes, options)
    } else if (found.error.code === 'ERR_DOCUMENT_NITROTPM') {
      await checkNitroTpm(bytes)
    } else if (found.document !== undefined && found.error instanceof PolicyError) {
      // Genuine, and refused.
      checkAccepted(found.document, ROOT, NOW)
    } else await checkReal(bytes, found)
  },
}

/** A NitroTPM's own function holds it to the same path. */
async function checkNitroTpm(bytes: Uint8Array): Promise<void> {
  try {
    const options = { roots: [ROOT], now: NOW, maxAge: Number.POSITIVE_INFINITY }
    checkAccepted((await verifyNitroTpmAttestation(bytes, options)).document, ROOT, NOW)
  } catch (error) {
    if (!CLASSES.some((one) => error instanceof one)) throw error
  }
}

/** What Amazon signed stays as it is; the clock stands at the document's own time. */
async function checkReal(
  bytes: Uint8Array,
  { error }: Extract<Examination, { accepted: false }>,
): Promise<void> {
  if (error.code !== 'ERR_CERTIFICATE_UNTRUSTED_ROOT') return
  const { document, envelope } = parseAttestation(bytes)
  const found = await agreed(examineOnNode, bytes, { ...UNLIMITED, now: document.timestamp })
  if (found.accepted && !payloads.has(Buffer.from(envelope.payload).toString('hex'))) {
    broken('nothing is accepted but what was signed')
  }
}

/** With what is remembered and without, the verdict and its reason are the same. */
async function agreed(examine: Examine, bytes: Uint8Array, options: VerifyOptions): Promise<Examination> {
  const known = await examine(bytes, options)
  // Real signatures take their time.
  if (examine === examineOnNode && !known.accepted && bytes.length % 4 !== 0) return checked(known)
  const anew = await examine(bytes, { ...options, cache: false })
  const verdicts = [known, anew].map((one) =>
    one.accepted ? 'accepted' : `${one.error.code} ${one.error.message}`,
  )
  if (verdicts[0] !== verdicts[1]) broken(`the cache changes nothing: ${verdicts.join(' / ')}`)
  return checked(known)
}

function checked(found: Examination): Examination {
  if (!found.accepted && !CLASSES.some((one) => found.error instanceof one)) throw found.error
  const failed = found.checks.filter(({ verdict }) => verdict === 'failed').length
  if ((failed === 0) !== found.accepted) broken('accepted is what fails no check')
  return found
}
