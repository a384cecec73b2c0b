/** An error as it crosses from one process to another: what a person may see, and nothing else. */

export interface ErrorReport {
  readonly name: string
  readonly message: string
  readonly code?: string
  /** Of an answer of KMS. */
  readonly requestId?: string
  readonly status?: number
}

/** Name, message and code; of KMS's own exceptions also the request id and the HTTP status. */
export function reportOf(error: unknown): ErrorReport {
  if (!(error instanceof Error)) return { name: 'Error', message: 'something that is no error was thrown' }
  const { code, $metadata } = error as {
    code?: unknown
    $metadata?: { requestId?: string; httpStatusCode?: number }
  }
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...($metadata?.requestId !== undefined && { requestId: $metadata.requestId }),
    ...($metadata?.httpStatusCode !== undefined && { status: $metadata.httpStatusCode }),
  }
}
