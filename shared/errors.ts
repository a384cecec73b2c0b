/**
 * The errors of this SDK. Every refusal carries a stable `code`: programs match on the code, people read
 * the message. Five classes say whose fault it is; none of them ever carries a secret.
 */

/** The bytes are not what the format demands. */
export type FormatCode =
  | 'ERR_CBOR_TRUNCATED'
  | 'ERR_CBOR_TRAILING_BYTES'
  | 'ERR_CBOR_TOO_LARGE'
  | 'ERR_CBOR_DEPTH'
  | 'ERR_CBOR_DUPLICATE_KEY'
  | 'ERR_CBOR_KEY_TYPE'
  | 'ERR_CBOR_NON_MINIMAL'
  | 'ERR_CBOR_RESERVED'
  | 'ERR_CBOR_BREAK'
  | 'ERR_CBOR_UTF8'
  | 'ERR_CBOR_TAG'
  | 'ERR_CBOR_FLOAT'
  | 'ERR_CBOR_SIMPLE_VALUE'
  | 'ERR_CBOR_INDEFINITE_STRING'
  | 'ERR_BER'
  | 'ERR_COSE_STRUCTURE'
  | 'ERR_COSE_HEADER'
  | 'ERR_COSE_ALGORITHM'
  | 'ERR_COSE_SIGNATURE_LENGTH'
  | 'ERR_DOCUMENT_SIZE'
  | 'ERR_DOCUMENT_STRUCTURE'
  | 'ERR_DOCUMENT_FIELD_MISSING'
  | 'ERR_DOCUMENT_NITROTPM'
  | 'ERR_DOCUMENT_ENCLAVE'
  | 'ERR_DOCUMENT_MODULE_ID'
  | 'ERR_DOCUMENT_DIGEST'
  | 'ERR_DOCUMENT_TIMESTAMP'
  | 'ERR_DOCUMENT_PCRS'
  | 'ERR_DOCUMENT_CERTIFICATE'
  | 'ERR_DOCUMENT_CABUNDLE'
  | 'ERR_DOCUMENT_PUBLIC_KEY'
  | 'ERR_DOCUMENT_USER_DATA'
  | 'ERR_DOCUMENT_NONCE'
  | 'ERR_EIF_MAGIC'
  | 'ERR_EIF_VERSION'
  | 'ERR_EIF_HEADER'
  | 'ERR_EIF_TRUNCATED'
  | 'ERR_EIF_TRAILING_BYTES'
  | 'ERR_EIF_SECTION'
  | 'ERR_EIF_CRC'
  | 'ERR_EIF_METADATA'
  | 'ERR_EIF_SIGNATURE'
  | 'ERR_OCI_IMAGE'
  | 'ERR_ROOT_FILE_SYSTEM'
  | 'ERR_MESSAGE'

/** Well formed, but nothing that a trust anchor vouches for. */
export type VerificationCode =
  | 'ERR_COSE_SIGNATURE'
  | 'ERR_CERTIFICATE_MALFORMED'
  | 'ERR_CERTIFICATE_ALGORITHM'
  | 'ERR_CERTIFICATE_UNTRUSTED_ROOT'
  | 'ERR_CERTIFICATE_ISSUER'
  | 'ERR_CERTIFICATE_REPEATED'
  | 'ERR_CERTIFICATE_SIGNATURE'
  | 'ERR_CERTIFICATE_EXPIRED'
  | 'ERR_CERTIFICATE_NOT_YET_VALID'
  | 'ERR_CERTIFICATE_NOT_CA'
  | 'ERR_CERTIFICATE_IS_CA'
  | 'ERR_CERTIFICATE_KEY_USAGE'
  | 'ERR_CERTIFICATE_PATH_LENGTH'
  | 'ERR_CERTIFICATE_CRITICAL_EXTENSION'

/** Genuine, but not what the verifier asked for. */
export type PolicyCode =
  | 'ERR_POLICY_PCR'
  | 'ERR_POLICY_DEBUG_MODE'
  | 'ERR_POLICY_NONCE'
  | 'ERR_POLICY_USER_DATA'
  | 'ERR_POLICY_PUBLIC_KEY'
  | 'ERR_POLICY_MODULE_ID'
  | 'ERR_POLICY_MAX_AGE'
  | 'ERR_POLICY_FUTURE'

/** A call that a caller got wrong: the message names the argument. */
export type UsageCode = 'ERR_USAGE' | 'ERR_IAM_POLICY' | 'ERR_PROXY_CONFIG' | 'ERR_ENCLAVE_CONFIG'

/**
 * The Nitro Secure Module refused (its own error names, api/mod.rs `ErrorCode`) or answered nonsense; or it was never
 * asked: no such device, a device that fails, one that was closed.
 */
export type NsmCode =
  | 'ERR_NSM_INVALID_ARGUMENT'
  | 'ERR_NSM_INVALID_INDEX'
  | 'ERR_NSM_INVALID_RESPONSE'
  | 'ERR_NSM_READ_ONLY_INDEX'
  | 'ERR_NSM_INVALID_OPERATION'
  | 'ERR_NSM_BUFFER_TOO_SMALL'
  | 'ERR_NSM_INPUT_TOO_LARGE'
  | 'ERR_NSM_INTERNAL_ERROR'
  | 'ERR_NSM_UNAVAILABLE'
  | 'ERR_NSM_DEVICE'
  | 'ERR_NSM_CLOSED'

/** Something that should have worked did not: the network, a peer, an envelope. */
export type OperationCode =
  | 'ERR_ENTROPY'
  | 'ERR_WEBCRYPTO'
  | 'ERR_VERIFICATION_THREAD'
  | 'ERR_CREDENTIALS'
  | 'ERR_ENVELOPE'
  | 'ERR_RECIPIENT_UNSUPPORTED'
  | 'ERR_KMS_IGNORED_RECIPIENT'
  | 'ERR_KMS_KEY_MISMATCH'
  | 'ERR_KMS_TIMEOUT'
  | 'ERR_KMS_TLS'
  | 'ERR_KMS_CONNECTION'
  | 'ERR_KMS_ANSWER'
  | 'ERR_TRUST_ANCHOR_MISSING'
  | 'ERR_VSOCK_ADDRESS'
  | 'ERR_VSOCK_UNAVAILABLE'
  | 'ETIMEDOUT'
  | 'ERR_PROXY_LISTEN'
  | 'ERR_PROXY_MONITOR'
  | 'ERR_PROXY_DNS'
  | 'ERR_PROXY_ADDRESS'
  | 'ERR_SIMULATOR'

export type ErrorCode = FormatCode | VerificationCode | PolicyCode | UsageCode | NsmCode | OperationCode

/** Base of every error that this SDK makes. */
export class NitroEnclaveError<Code extends ErrorCode = ErrorCode> extends Error {
  override name = 'NitroEnclaveError'
  /** Stable: a code is never renamed and never changes its meaning. */
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Malformed input: CBOR, BER, COSE or an attestation document's fields. */
export class FormatError extends NitroEnclaveError<FormatCode> {
  override name = 'FormatError'
}

/** Not genuine: a signature, a certificate or its place in the chain is wrong. */
export class VerificationError extends NitroEnclaveError<VerificationCode> {
  override name = 'VerificationError'
}

/** Genuine, and refused by the verifier's own policy. */
export class PolicyError extends NitroEnclaveError<PolicyCode> {
  override name = 'PolicyError'
}

/** An argument or a configuration that cannot be used. */
export class UsageError extends NitroEnclaveError<UsageCode> {
  override name = 'UsageError'
}

/** The Nitro Secure Module's refusal, or its absence. */
export class NsmError extends NitroEnclaveError<NsmCode> {
  override name = 'NsmError'
}

/** An operation that failed: a connection, a call to KMS, the opening of an envelope. */
export class OperationError extends NitroEnclaveError<OperationCode> {
  override name = 'OperationError'
}
