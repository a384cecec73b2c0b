/** Members that several operations take. Source: KMS API Reference. */
import type { Bounds, RequestReader, TextConstraints } from './request.js'

/** Characters. */
export const KEY_ID: Bounds = { max: 2048 }

/** Grants do not exist here: tokens are read, and change nothing. */
export function readGrantTokens(request: RequestReader): void {
  request.texts('GrantTokens', { max: 10 }, { max: 8192 })
}

export function readEncryptionAlgorithm(request: RequestReader) {
  const values = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] as const
  return request.oneOf('EncryptionAlgorithm', values) ?? 'SYMMETRIC_DEFAULT'
}

/** A policy document's text. Characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: KMS's own pattern, which its error quotes
export const POLICY: TextConstraints = { max: 131_072, pattern: /^[\u0009\u000A\u000D\u0020-\u00FF]+$/ }

/** The only policy that a key has. */
export const DEFAULT_POLICY_NAME = 'default'

export function readPolicyName(request: RequestReader): string {
  return request.text('PolicyName', { max: 128, pattern: /^[\w]+$/ }) ?? DEFAULT_POLICY_NAME
}
