/** `nitro-enclave-sdk/attestation`: reading and verifying attestation documents, anywhere. */
export * from '../errors.js'
export { type AttestationDocument, parseAttestation } from './document.js'
export type { AttestationPolicy } from './policy.js'
export { AWS_NITRO_ROOT } from './roots.js'
export { type ChainLink, type VerifiedAttestation, type VerifyOptions, verifyAttestation } from './verify.js'
