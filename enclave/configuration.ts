/**
 * What an enclave trusts and where it listens. It stands in the image beside the program, so that PCR0 measures it;
 * nothing that the parent says later is asked.
 */
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { NitroEnclaveError, UsageError } from '../shared/errors.js'
import { PARENT_CID, VMADDR_CID_ANY } from '../shared/vsock/index.js'
import { checkHost, kmsHost } from './kms/endpoint.js'

export const CONFIGURATION_FILE = 'configuration.json'
export const TLS_ROOTS_FILE = 'tls-roots.pem'

const port = z.int().min(1).max(0xfffffffe)

const schema = z.strictObject({
  /** Of KMS, in the signatures. */
  region: z.string().min(1),
  /** The only name that KMS's certificate is accepted for; by default the region's endpoint. */
  kmsHost: z.string().min(1).optional(),
  parentCid: z
    .int()
    .min(0)
    .max(VMADDR_CID_ANY - 1)
    .default(PARENT_CID),
  /** Where the parent's proxy to KMS listens. */
  proxyPort: port.default(8000),
  /** Where this enclave listens for the parent's requests. */
  controlPort: port.default(5000),
  /** Bytes that the parent may send before they are read; see kernelTransportWith. */
  receiveWindow: z.int().positive().optional(),
  /** For tests against a simulated KMS: credentials that are no secret. Pushed ones are refused then. */
  testCredentials: z
    .strictObject({
      accessKeyId: z.string().min(1),
      secretAccessKey: z.string().min(1),
      sessionToken: z.string().min(1).optional(),
    })
    .optional(),
})

export type ConfigurationFile = z.infer<typeof schema>

export interface Configuration extends ConfigurationFile {
  readonly kmsHost: string
  /** PEM: the only roots that KMS's certificate may chain to. */
  readonly trustAnchors: readonly string[]
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The texts of the two files. Throws UsageError ERR_ENCLAVE_CONFIG naming what is wrong, never a value. */
export function parseConfiguration(json: string, tlsRoots: string): Configuration {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new UsageError('ERR_ENCLAVE_CONFIG', `${CONFIGURATION_FILE}: not JSON`)
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const member = issue?.path.join('.') || (issue?.code === 'unrecognized_keys' && issue.keys.join(', '))
    throw new UsageError(
      'ERR_ENCLAVE_CONFIG',
      `${CONFIGURATION_FILE}: ${member || 'its form'} is not as it must be`,
    )
  }
  const trustAnchors = tlsRoots.match(PEM)
  if (trustAnchors === null)
    throw new UsageError('ERR_ENCLAVE_CONFIG', `${TLS_ROOTS_FILE} holds no certificate in PEM`)
  const { region, kmsHost: host } = parsed.data
  return { ...parsed.data, kmsHost: hostOf(region, host), trustAnchors }
}

function hostOf(region: string, host: string | undefined): string {
  try {
    const regional = kmsHost(region)
    return host === undefined ? regional : checkHost(host)
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    throw new UsageError('ERR_ENCLAVE_CONFIG', `${CONFIGURATION_FILE}: ${error.message}`)
  }
}

/** Reads both files in `folder`. Throws UsageError ERR_ENCLAVE_CONFIG. */
export function readConfiguration(folder: URL): Configuration {
  const read = (name: string): string => {
    try {
      return readFileSync(new URL(name, folder), 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new UsageError('ERR_ENCLAVE_CONFIG', `${name} cannot be read: ${code}`, { cause: error })
    }
  }
  return parseConfiguration(read(CONFIGURATION_FILE), read(TLS_ROOTS_FILE))
}
