/** Whom test images trust: a simulated KMS whose identity stays the same, and with it the images' PCR0. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../../debian/cache.js'
import { createTlsIdentity, type TlsIdentity } from '../../simulator/kms/tls.js'

export const REGION = 'us-east-1'
export const HOST = 'kms.us-east-1.amazonaws.com'

/** No secret: they open nothing but that KMS. */
export const CREDENTIALS = {
  accessKeyId: 'ASIASIMULATEDENCLAVE',
  secretAccessKey: 'simulated-secret-access-key',
  sessionToken: 'simulated-session-token',
} as const

const DAYS = 3_650

export async function simulatedKmsIdentity(): Promise<TlsIdentity> {
  const folder = await cached({
    name: 'simulated-kms',
    title: "making the simulated KMS's certificate",
    source: new URL(import.meta.url),
    async make(product) {
      const identity = await createTlsIdentity([HOST], new Date(), DAYS)
      writeFileSync(join(product, 'identity.json'), JSON.stringify(identity))
    },
  })
  return JSON.parse(readFileSync(join(folder, 'identity.json'), 'utf8')) as TlsIdentity
}
