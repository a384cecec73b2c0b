/** A configuration's problems, and small files that have one. */
import { expect } from 'vitest'
import { type ListenerConfig, parseConfig } from '../../../parent-proxy/config.js'
import { UsageError } from '../../../shared/errors.js'

/** The lines of the refusal; none if there is none. Every other error fails the test. */
export const problems = (text: string): readonly string[] => {
  try {
    parseConfig(text, 'proxy.yaml')
    return []
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    expect(error.code).toBe('ERR_PROXY_CONFIG')
    return error.message.split('\n')
  }
}

export const KMS = 'allowlist: [{address: kms.test, port: 443}]\n'
export const TO_KMS = 'to: "kms.test:443"'

/** A file whose second line is one listener with `keys`. */
export const withListener = (keys: string): string => `${KMS}listeners: [{${keys}}]\n`

export const listener = (keys: string): ListenerConfig => {
  const [first] = parseConfig(withListener(keys), 'proxy.yaml').listeners
  if (first === undefined) throw new Error('no listener')
  return first
}
