/**
 * KMS's own errors, as they go over the wire: AWS JSON 1.1, `{"__type": name, "message": text}`.
 * Reads only the names that the simulator's operations use.
 */

/** An exception of the KMS API: `name` is its `__type`, `status` the HTTP status that carries it. */
export class KmsError extends Error {
  override readonly name: string
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

/**
 * The JSON body of an error. AWS writes a capital "Message" for AccessDeniedException only, and none where it has
 * nothing to say (InvalidCiphertextException).
 */
export function errorBody(error: KmsError): string {
  if (error.message === '') return JSON.stringify({ __type: error.name })
  const member = error.name === 'AccessDeniedException' ? 'Message' : 'message'
  return JSON.stringify({ __type: error.name, [member]: error.message })
}

export function validation(message: string): KmsError {
  return new KmsError('ValidationException', message)
}

/** Broken model constraints, in the words that AWS uses for one and for several of them. */
export function constraints(broken: readonly string[]): KmsError {
  const count = broken.length === 1 ? '1 validation error' : `${broken.length} validation errors`
  return validation(`${count} detected: ${broken.join('; ')}`)
}

/** JSON of the wrong type or form. */
export function serialization(message: string): KmsError {
  return new KmsError('SerializationException', message)
}

/** Why policies refuse. */
export interface Denial {
  /** ARN of the caller. */
  readonly caller: string
  /** Such as `kms:Decrypt`. */
  readonly action: string
  /** ARN, or `*` for an action without a resource. */
  readonly resource: string
  /** The policy with the Deny statement that matched, or without the Allow statement that had to. */
  readonly policy: 'resource-based' | 'identity-based'
  /** A Deny statement matched. */
  readonly explicit: boolean
  /** The key is of another account, which is not told whether there is such a key. */
  readonly foreign?: boolean | undefined
}

/**
 * Source: IAM User Guide, "Troubleshoot access denied error messages"; for a foreign key AWS Backup Developer Guide,
 * "Logically air-gapped vault".
 */
export function accessDenied({ caller, action, resource, policy, explicit, foreign }: Denial): KmsError {
  const told = explicit
    ? `with an explicit deny in ${policy === 'identity-based' ? 'an' : 'a'} ${policy} policy`
    : `because no ${policy} policy allows the ${action} action`
  const hidden =
    'on this resource because the resource does not exist in this Region, no resource-based policies allow ' +
    'access, or a resource-based policy explicitly denies access'
  const why = foreign ? hidden : `on resource: ${resource} ${told}`
  return new KmsError(
    'AccessDeniedException',
    `User: ${caller} is not authorized to perform: ${action} ${why}`,
  )
}

export function missingAuthenticationToken(): KmsError {
  return new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
}

export function incompleteSignature(message: string): KmsError {
  return new KmsError('IncompleteSignatureException', message)
}

export function unrecognizedClient(): KmsError {
  return new KmsError('UnrecognizedClientException', 'The security token included in the request is invalid.')
}

export function invalidSignature(message: string): KmsError {
  return new KmsError('InvalidSignatureException', message)
}

/** A key or alias of another account, which is not told apart from one that is not there. */
export function accessDeniedElsewhere(caller: string, action: string, resource: string): KmsError {
  return accessDenied({ caller, action, resource, policy: 'resource-based', explicit: false, foreign: true })
}

export function notFound(message: string): KmsError {
  return new KmsError('NotFoundException', message)
}

/** For operations whose page in the KMS API Reference names it; the others answer NotFoundException. */
export function invalidArn(message: string): KmsError {
  return new KmsError('InvalidArnException', message)
}

/** As users of KMS report it; so are the texts of the usage, of a key's own algorithms, and of an alias that exists. */
export function disabled(keyArn: string): KmsError {
  return new KmsError('DisabledException', `${keyArn} is disabled.`)
}

export function invalidKeyUsage(message: string): KmsError {
  return new KmsError('InvalidKeyUsageException', message)
}

/** KMS says nothing of what is wrong with a ciphertext. */
export function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException', '')
}

/** KMS Developer Guide, "Decrypt" in the log of CloudTrail. */
export function incorrectKey(): KmsError {
  const message = 'The key ID in the request does not identify a CMK that can perform this operation.'
  return new KmsError('IncorrectKeyException', message)
}

/** As in AWS's own examples of CloudTrail logs. */
export function dryRunSucceeded(): KmsError {
  const message = 'The request would have succeeded, but the DryRun option is set.'
  return new KmsError('DryRunOperationException', message)
}

export function aliasExists(aliasArn: string): KmsError {
  return new KmsError('AlreadyExistsException', `An alias with the name ${aliasArn} already exists`)
}

export function invalidAliasName(message: string): KmsError {
  return new KmsError('InvalidAliasNameException', message)
}

export function invalidMarker(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('InvalidMarkerException', 'The marker is not one that a list ended with')
}

export function limitExceeded(message: string): KmsError {
  return new KmsError('LimitExceededException', message)
}

export function malformedPolicy(message: string): KmsError {
  return new KmsError('MalformedPolicyDocumentException', message)
}

export function invalidTag(message: string): KmsError {
  return new KmsError('TagException', message)
}

export function customKeyStoreNotFound(id: string): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('CustomKeyStoreNotFoundException', `Custom key store ${id} does not exist`)
}

export function customKeyStoreInvalidState(id: string): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('CustomKeyStoreInvalidStateException', `Custom key store ${id} is not connected`)
}

export function unsupportedOperation(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message)
}

/** Retryable, HTTP 500. */
export function dependencyTimeout(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('DependencyTimeoutException', 'The system timed out. Try again', 500)
}

/** Retryable, HTTP 500. Says nothing of the cause. */
export function kmsInternal(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('KMSInternalException', 'The request failed because of an internal error', 500)
}

export function unknownOperation(): KmsError {
  // invented: AWS does not publish this text
  return new KmsError('UnknownOperationException', 'The operation is unknown')
}
