/** The root of a folder's attestation documents in PEM, for verifiers: `nitro-enclave verify --root`. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../../image/output-file.js'
import type { InstanceAuthority } from '../authority.js'

/** DIRECTORY/attestation-root.pem, written when it is missing or another's. Throws UsageError ERR_USAGE. */
export async function publishRoot(directory: string, { cabundle }: InstanceAuthority): Promise<void> {
  const path = join(directory, 'attestation-root.pem')
  const pem = Buffer.from(new X509Certificate(cabundle[0] ?? new Uint8Array()).toString())
  const present = await readFile(path).catch(() => undefined)
  if (present?.equals(pem)) return
  await writeWhole(path, (file) => file.write(pem, 0))
}
