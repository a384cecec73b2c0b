/**
 * The simulated certificate authority that a folder keeps: whoever works in the folder, an NSM or KMS, has the same
 * root. Whoever comes first makes it; what is there is never replaced.
 */
import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { createInstanceAuthority, type InstanceAuthority } from '../authority.js'
import { simulatedInstanceId } from '../identity.js'
import { damaged, readJsonFile, writeJsonFile } from './atomic-file.js'
import { publishRoot } from './attestation-root.js'
import { makeFolder } from './folder.js'
import { whileLocked } from './while-locked.js'

export interface AuthorityInOptions {
  /** Stands in the names of the certificates when they are made; an authority that is there stays as it is. */
  readonly region: string
  readonly now?: () => Date
}

/** Certificates from the root to the instance's. */
const CHAIN_LENGTH = 4

/**
 * DIRECTORY/authority.json; the root alone stands beside it in PEM. The folder is made when it is missing, readable
 * by its owner only.
 *
 * Throws UsageError ERR_USAGE for a file that is damaged, which stays as it is, and for a folder that cannot be used;
 * OperationError ERR_SIMULATOR where writing fails.
 */
export async function authorityIn(
  directory: string,
  { region, now = () => new Date() }: AuthorityInOptions,
): Promise<InstanceAuthority> {
  await makeFolder(directory)
  const path = join(directory, 'authority.json')
  // Several may come first at once: those who waited find what the first one made.
  const anew = async () => (await keptIn(path)) ?? (await make(path, region, now))
  const authority = (await keptIn(path)) ?? (await whileLocked(join(directory, 'authority.lock'), anew))
  await publishRoot(directory, authority)
  return authority
}

async function keptIn(path: string): Promise<InstanceAuthority | undefined> {
  const value = await readJsonFile(path)
  if (value === undefined) return undefined
  try {
    return read(value)
  } catch (error) {
    const words = error instanceof Damage ? error.message : 'a certificate or a key is none'
    throw damaged(path, `holds no certificate authority (${words})`)
  }
}

async function make(path: string, region: string, now: () => Date): Promise<InstanceAuthority> {
  const authority = await createInstanceAuthority({ region, instanceId: simulatedInstanceId(), now })
  await writeJsonFile(path, written(authority))
  return authority
}

function written({ cabundle, privateKey, rootKey, region, instanceId }: InstanceAuthority): object {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return {
    version: 1,
    region,
    instanceId,
    cabundle: cabundle.map(base64),
    privateKey: base64(privateKey),
    rootKey: base64(rootKey),
  }
}

class Damage extends Error {}

function read(value: unknown): InstanceAuthority {
  if (typeof value !== 'object' || value === null) throw new Damage('it holds no object')
  const fields = value as Readonly<Record<string, unknown>>
  if (fields.version !== 1) throw new Damage('its version is not 1')
  const { cabundle } = fields
  if (!Array.isArray(cabundle) || cabundle.length !== CHAIN_LENGTH)
    throw new Damage(`cabundle does not have ${CHAIN_LENGTH} certificates`)
  const authority = {
    cabundle: cabundle.map((certificate) => bytes(certificate, 'cabundle')),
    privateKey: bytes(fields.privateKey, 'privateKey'),
    rootKey: bytes(fields.rootKey, 'rootKey'),
    region: text(fields.region, 'region'),
    instanceId: text(fields.instanceId, 'instanceId'),
  }
  checkChain(authority)
  return authority
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new Damage(`${name} is not a text`)
  return value
}

function bytes(value: unknown, name: string): Uint8Array {
  return new Uint8Array(Buffer.from(text(value, name), 'base64'))
}

/** What it issues must verify under its root: every signature, both keys, and the names that its documents bear. */
function checkChain({ cabundle, privateKey, rootKey, region, instanceId }: InstanceAuthority): void {
  const chain = cabundle.map((der) => new X509Certificate(der))
  const [root] = chain
  const instance = chain.at(-1)
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index - 1] ?? certificate
    if (!certificate.verify(issuer.publicKey))
      throw new Damage(`certificate ${index + 1} of cabundle was not issued by the one before it`)
  }
  if (!instance?.subject.includes(`CN=${instanceId}.${region}.simulated`))
    throw new Damage("region and instanceId are not those of the instance's certificate")
  if (!isKeyOf(instance, privateKey)) throw new Damage("privateKey is not that of the instance's certificate")
  if (root === undefined || !isKeyOf(root, rootKey))
    throw new Damage("rootKey is not that of the root's certificate")
}

/** By a signature: PKCS#8 repeats the public key, which may be right beside a private one that is not. */
function isKeyOf(certificate: X509Certificate, pkcs8: Uint8Array): boolean {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  const text = Buffer.from('whose key is it?')
  return verify('sha384', text, certificate.publicKey, sign('sha384', text, key))
}
