/** What `nitro-enclave-sdk/attestation` is on every platform; the functions that verify are bound to one beside it. */
export * from '../errors.js'
export { type AttestationDocument, parseAttestation } from './document.js'
export type { DocumentFields } from './document-fields.js'
export type { Check } from './examination.js'
export { type NitroTpmDocument, parseNitroTpmAttestation } from './nitro-tpm-document.js'
export type { TrustOptions, VerifyNitroTpmOptions, VerifyOptions } from './options.js'
export type { AttestationPolicy, DocumentPolicy, OneOrMore } from './policy.js'
export { AWS_NITRO_ROOT } from './roots.js'
export type {
  ChainLink,
  Examination,
  Refused,
  Verified,
  VerifiedAttestation,
  VerifiedNitroTpmAttestation,
} from './verify.js'
export type { Documents, VerifyManyOptions } from './verify-many.js'
