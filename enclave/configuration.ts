/**
 * What an enclave trusts and where it listens. It stands in the image beside the program, so that PCR0 measures it;
 * nothing that the parent says later is asked.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { UsageError } from '../shared/errors.js'
import { besideCertificates, certificateBlocks } from '../shared/pem.js'
import { kernelTransportWith, PARENT_CID, VMADDR_CID_ANY } from '../shared/vsock/index.js'
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
  /** Where the parent serves credentials: they are fetched from there, and pushed ones refused. */
  credentialsPort: port.optional(),
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
  const { region, kmsHost: host, receiveWindow: window, credentialsPort, testCredentials } = parsed.data
  if (credentialsPort !== undefined && testCredentials !== undefined) {
    throw new UsageError(
      'ERR_ENCLAVE_CONFIG',
      `${CONFIGURATION_FILE}: credentialsPort and testCredentials exclude each other`,
    )
  }
  return named(CONFIGURATION_FILE, () => {
    kernelTransportWith({ window })
    const regional = kmsHost(region)
    const trustAnchors = readRoots(tlsRoots)
    return { ...parsed.data, kmsHost: host === undefined ? regional : checkHost(host), trustAnchors }
  })
}

/** Every certificate in the file, and nothing but certificates. */
function readRoots(text: string): readonly string[] {
  const roots = certificateBlocks(text)
  try {
    if (roots.length === 0 || besideCertificates(text) !== '') throw new RangeError('something else')
    for (const root of roots) new X509Certificate(root)
    return roots
  } catch (error) {
    const words = `${TLS_ROOTS_FILE} is not certificates in PEM, and nothing else`
    throw new UsageError('ERR_ENCLAVE_CONFIG', words, { cause: error })
  }
}

/** What is wrong with an option is wrong with the file that holds it. */
function named<T>(file: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof UsageError) || error.code !== 'ERR_USAGE') throw error
    throw new UsageError('ERR_ENCLAVE_CONFIG', `${file}: ${error.message}`)
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
