/** What an image is told to trust, as its build's arguments say. Dockerfile.enclave lists and explains them. */
import type { ConfigurationFile } from '../enclave/configuration.js'
import { UsageError } from '../shared/errors.js'

export type Trust = ConfigurationFile & {
  /** PEM; Amazon's own unless given. */
  readonly tlsRoots?: string | undefined
}

/** Reads the environment of the build step. Numbers and JSON that are none are told by the one who checks the result. */
export function trustFrom(environment: Readonly<Record<string, string | undefined>>): Trust {
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined
  const number = (name: string): number | undefined => {
    const text = given(name)
    return text === undefined ? undefined : Number(text)
  }
  const credentials = given('TEST_CREDENTIALS')
  return {
    region: given('REGION') ?? '',
    kmsHost: given('KMS_HOST'),
    parentCid: number('PARENT_CID') ?? 3,
    proxyPort: number('PROXY_PORT') ?? 8000,
    controlPort: number('CONTROL_PORT') ?? 5000,
    receiveWindow: number('RECEIVE_WINDOW'),
    credentialsPort: number('CREDENTIALS_PORT'),
    testCredentials: credentials === undefined ? undefined : parsed('TEST_CREDENTIALS', credentials),
    tlsRoots: given('TLS_ROOTS'),
  }
}

function parsed(name: string, text: string): Trust['testCredentials'] {
  try {
    return JSON.parse(text) as Trust['testCredentials']
  } catch {
    throw new UsageError('ERR_ENCLAVE_CONFIG', `${name}: not JSON`)
  }
}
