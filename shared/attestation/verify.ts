/** Verification of an attestation document: form, certificate path, signature, then policy. */
import type { Certificate } from '../certificate.js'
import { verifyCertificatePath } from '../certificate-path.js'
import { type CoseSign1, toBeSigned } from '../cose.js'
import type { Primitives } from '../crypto/primitives.js'
import { FormatError, type NitroEnclaveError, VerificationError } from '../errors.js'
import { KnownCertificates, KnownRoots } from '../known-certificates.js'
import { type AttestationDocument, parseAttestation } from './document.js'
import { MAX_DOCUMENT_LENGTH } from './document-fields.js'
import { type Check, groundChecks, judge, unreachedChecks } from './examination.js'
import { type NitroTpmDocument, parseNitroTpmAttestation } from './nitro-tpm-document.js'
import {
  ENCLAVE_VERIFY_OPTIONS,
  NITRO_TPM_OPTIONS,
  readTrust,
  type Trust,
  type VerifyNitroTpmOptions,
  type VerifyOptions,
} from './options.js'
import { documentRequirements, enclaveRequirements } from './policy.js'
import { pcr3OfRole, pcr4OfInstance, pcr8OfCertificate } from './registers.js'
import type { Judged, Requirement } from './requirement.js'
import { ownBytes, snapshotOf } from './snapshot.js'

/** A certificate of the verified chain, for people and logs. */
export interface ChainLink {
  readonly subject: string
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface Verified<Document> {
  readonly document: Document
  /** Root first, leaf last. */
  readonly chain: readonly ChainLink[]
  /** Every check that was made. */
  readonly checks: readonly Check[]
}

export interface Refused<Document> {
  readonly accepted: false
  readonly error: NitroEnclaveError
  /** Only of a genuine document, which the policy refuses. */
  readonly document?: Document
  readonly chain?: readonly ChainLink[]
  readonly checks: readonly Check[]
}

/** What became of a document: accepted with nothing to add, or refused with the error that verifying it would throw. */
export type Examination<Document = AttestationDocument> =
  | ({ readonly accepted: true } & Verified<Document>)
  | Refused<Document>

export type VerifiedAttestation = Verified<AttestationDocument>
export type VerifiedNitroTpmAttestation = Verified<NitroTpmDocument>

/** The functions of `nitro-enclave-sdk/attestation` on one platform. */
export interface Verifier {
  readonly examineAttestation: (bytes: Uint8Array, options?: VerifyOptions) => Promise<Examination>
  readonly verifyAttestation: (bytes: Uint8Array, options?: VerifyOptions) => Promise<VerifiedAttestation>
  readonly verifyNitroTpmAttestation: (
    bytes: Uint8Array,
    options?: VerifyNitroTpmOptions,
  ) => Promise<VerifiedNitroTpmAttestation>
  readonly examineNitroTpmAttestation: (
    bytes: Uint8Array,
    options?: VerifyNitroTpmOptions,
  ) => Promise<Examination<NitroTpmDocument>>
  readonly pcr3OfRole: (roleArn: string) => Promise<Uint8Array>
  readonly pcr4OfInstance: (instanceId: string) => Promise<Uint8Array>
  readonly pcr8OfCertificate: (certificate: string | Uint8Array) => Promise<Uint8Array>
}

/** Certificates of verified paths that are remembered: of some 500 instances with an enclave each, in 4 MiB or so. */
const KNOWN_CERTIFICATES = 1024
/** Roots that are remembered whether or not anything else is: there are only as many as callers trust. */
const KNOWN_ROOTS = 16

export function createVerifier<Key>(primitives: Primitives<Key>): Verifier {
  const known = new KnownCertificates<Key>(KNOWN_CERTIFICATES)
  const knownRoots = new KnownRoots<Key>(KNOWN_ROOTS)
  const knownTo = ({ cache }: Trust) => (cache ? known : knownRoots)
  const examineAttestation: Verifier['examineAttestation'] = async (bytes, options = {}) => {
    const asked = snapshotOf(options, ENCLAVE_VERIFY_OPTIONS)
    const document = ownDocument(bytes)
    const trust = readTrust(asked)
    const requirements = await enclaveRequirements(asked, primitives)
    return await examine(document, parseAttestation, requirements, trust, primitives, knownTo(trust))
  }
  const examineNitroTpmAttestation: Verifier['examineNitroTpmAttestation'] = async (bytes, options = {}) => {
    const asked = snapshotOf(options, NITRO_TPM_OPTIONS)
    const document = ownDocument(bytes)
    const trust = readTrust(asked)
    const requirements = await documentRequirements(asked, primitives)
    return await examine(document, parseNitroTpmAttestation, requirements, trust, primitives, knownTo(trust))
  }
  return {
    examineAttestation,
    verifyAttestation: async (bytes, options) => outcomeOf(await examineAttestation(bytes, options)),
    examineNitroTpmAttestation,
    verifyNitroTpmAttestation: async (bytes, options) =>
      outcomeOf(await examineNitroTpmAttestation(bytes, options)),
    pcr3OfRole: (roleArn) => pcr3OfRole(roleArn, primitives),
    pcr4OfInstance: (instanceId) => pcr4OfInstance(instanceId, primitives),
    pcr8OfCertificate: (certificate) => pcr8OfCertificate(certificate, primitives),
  }
}

type Parse<Document> = (bytes: Uint8Array) => { readonly document: Document; readonly envelope: CoseSign1 }

async function examine<Document extends Judged, Key>(
  bytes: Uint8Array,
  parse: Parse<Document>,
  requirements: readonly Requirement[],
  { roots, now, clockTolerance }: Trust,
  primitives: Primitives<Key>,
  known: KnownCertificates<Key>,
): Promise<Examination<Document>> {
  let grounds = 0
  try {
    const { document, envelope } = parse(bytes)
    grounds = 1
    const { certificate, cabundle } = document
    const path = { certificate, cabundle, roots, at: now, clockTolerance }
    const { certificates, leafKey } = await verifyCertificatePath(path, primitives, known)
    grounds = 2
    if (!(await primitives.verify(leafKey, toBeSigned(envelope), envelope.signature))) {
      throw new VerificationError(
        'ERR_COSE_SIGNATURE',
        "the signature is not the certificate's over this payload",
      )
    }
    grounds = 3
    const { checks, error } = await judge(requirements, document, now)
    const found = {
      document,
      chain: certificates.map(chainLink),
      checks: [...groundChecks(grounds), ...checks],
    }
    return error === undefined ? { accepted: true, ...found } : { accepted: false, error, ...found }
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof VerificationError)) throw error
    const checks = [...groundChecks(grounds, error), ...unreachedChecks(requirements)]
    return { accepted: false, error, checks }
  }
}

/** What is too long is refused for its length, and need not be copied for that. */
function ownDocument(bytes: Uint8Array): Uint8Array {
  return bytes instanceof Uint8Array && bytes.length > MAX_DOCUMENT_LENGTH
    ? bytes
    : ownBytes(bytes, 'the document')
}

function outcomeOf<Document>(examination: Examination<Document>): Verified<Document> {
  if (!examination.accepted) throw examination.error
  const { document, chain, checks } = examination
  return { document, chain, checks }
}

/** Copies: what is remembered of a certificate must not change under whoever gets its dates. */
function chainLink({ subjectName, notBefore, notAfter }: Certificate): ChainLink {
  return { subject: subjectName, notBefore: new Date(notBefore), notAfter: new Date(notAfter) }
}
