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

/** The JSON body of an error. AWS writes a capital "Message" for AccessDeniedException only. */
export function errorBody(error: KmsError): string {
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

/** The identity policy's refusal; `explicit` when a Deny statement matched. */
export function accessDenied(callerArn: string, action: string, explicit: boolean): KmsError {
  const reason = explicit
    ? 'with an explicit deny in an identity-based policy'
    : `because no identity-based policy allows the ${action} action`
  return new KmsError(
    'AccessDeniedException',
    `User: ${callerArn} is not authorized to perform: ${action} ${reason}`,
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
