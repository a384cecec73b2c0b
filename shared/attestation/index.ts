/** `nitro-enclave-sdk/attestation`: reading and verifying attestation documents, anywhere; here by node:crypto. */
import { availableParallelism } from 'node:os'
import { nodePrimitives } from '../crypto/node.js'
import type { NitroTpmDocument } from './nitro-tpm-document.js'
import type { VerifyNitroTpmOptions, VerifyOptions } from './options.js'
import {
  createVerifier,
  type Examination,
  type VerifiedAttestation,
  type VerifiedNitroTpmAttestation,
} from './verify.js'
import { createVerifyMany, type Documents, type VerifyManyOptions } from './verify-many.js'
import { threads } from './verify-many-threads.js'

export * from './face.js'

const verifier = createVerifier(nodePrimitives)
const many = createVerifyMany(
  verifier.examineAttestation,
  threads(verifier.examineAttestation),
  availableParallelism,
)

/**
 * Resolves with the document when it is genuine and what the options ask for. Rejects with FormatError or
 * VerificationError when it is not genuine, with PolicyError when it is genuine and refused, with UsageError when
 * the options mean nothing. Without `pcrs` a document says no more than 'some enclave on AWS'; without `nonce` it may
 * be another's answer, up to `maxAge` old. Never use the document's bytes as a replay key: ECDSA signatures are malleable.
 */
export function verifyAttestation(bytes: Uint8Array, options?: VerifyOptions): Promise<VerifiedAttestation> {
  return verifier.verifyAttestation(bytes, options)
}

/**
 * The same verification as a list of every check with what was expected and what was found, for whoever must explain a
 * verdict. A document that is not accepted is no rejection here: only a UsageError is.
 */
export function examineAttestation(bytes: Uint8Array, options?: VerifyOptions): Promise<Examination> {
  return verifier.examineAttestation(bytes, options)
}

/** `verifyAttestation` for documents of a NitroTPM: they have the same root, and speak for an instance, not an enclave. */
export function verifyNitroTpmAttestation(
  bytes: Uint8Array,
  options?: VerifyNitroTpmOptions,
): Promise<VerifiedNitroTpmAttestation> {
  return verifier.verifyNitroTpmAttestation(bytes, options)
}

/** `examineAttestation` for documents of a NitroTPM. */
export function examineNitroTpmAttestation(
  bytes: Uint8Array,
  options?: VerifyNitroTpmOptions,
): Promise<Examination<NitroTpmDocument>> {
  return verifier.examineNitroTpmAttestation(bytes, options)
}

/**
 * PCR3 of an enclave on an instance with this IAM role: 48 bytes, SHA-384 of 48 zero bytes and the ARN, path and all. The
 * role's own ARN: instance profiles and sessions have others. Rejects with UsageError ERR_USAGE for what is none.
 */
export function pcr3OfRole(roleArn: string): Promise<Uint8Array> {
  return verifier.pcr3OfRole(roleArn)
}

/** PCR4 of an enclave on this instance: 48 bytes. Rejects with UsageError ERR_USAGE for what is no instance's id. */
export function pcr4OfInstance(instanceId: string): Promise<Uint8Array> {
  return verifier.pcr4OfInstance(instanceId)
}

/**
 * PCR8 of an enclave whose image is signed with this certificate, one in PEM or DER: 48 bytes. Rejects with UsageError
 * ERR_USAGE for what is none.
 */
export function pcr8OfCertificate(certificate: string | Uint8Array): Promise<Uint8Array> {
  return verifier.pcr8OfCertificate(certificate)
}

/**
 * examineAttestation() of many documents, in order, by worker threads; one document, or `concurrency` 1, starts none.
 * Up to 16 documents for each thread are read ahead. Rejects with UsageError, with what the source or the signal ends
 * with, and with OperationError ERR_VERIFICATION_THREAD when a thread is lost. The threads end with the iteration.
 */
export function verifyMany(
  documents: Documents,
  options?: VerifyManyOptions,
): AsyncGenerator<Examination, void, undefined> {
  return many(documents, options)
}
