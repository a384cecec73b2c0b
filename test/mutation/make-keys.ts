/** RSA key pairs for kept-keys.ts, made once a run. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** How many of each modulus length: more than one test file asks for, where it asks for many. */
const NUMBERS = { 2048: 48, 3072: 4, 4096: 4 }

export function writeKeys(file: string): void {
  const kept = Object.entries(NUMBERS).map(([bits, number]) => [
    bits,
    Array.from({ length: number }, () =>
      generateKeyPairSync('rsa', { modulusLength: Number(bits) }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }),
    ),
  ])
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(Object.fromEntries(kept)))
}
