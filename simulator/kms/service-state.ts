/** What a folder keeps of a simulated KMS beside its keys: its administrator's credentials and its TLS authority. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import * as z from 'zod'
import { damaged, readJsonFile, writeJsonFile } from '../state/atomic-file.js'
import { newUserCredentials } from './new-credentials.js'
import { createTlsAuthority, type TlsAuthority } from './tls.js'

/** Days: the life of the TLS authority, and how long before its end another one takes its place. */
const AUTHORITY_LIFE = 3_650
const RENEW_BEFORE = 400
const DAY = 24 * 3_600_000

const schema = z.strictObject({
  version: z.literal(1),
  region: z.string(),
  credentials: z.strictObject({
    accessKeyId: z.string().regex(/^\w{16,128}$/),
    secretAccessKey: z.string().min(1),
  }),
  tls: z.strictObject({ ca: z.string(), caKey: z.string() }).refine(isAuthority),
})

export type ServiceState = z.infer<typeof schema>

/**
 * DIRECTORY/service.json, made when it is missing; for whoever holds the folder's lock. `region` counts where the
 * folder has none yet. Throws UsageError ERR_USAGE for a file that is damaged.
 */
export async function serviceStateIn(directory: string, region: string, now: Date): Promise<ServiceState> {
  const path = join(directory, 'service.json')
  const kept = read(path, await readJsonFile(path))
  if (kept !== undefined && endOf(kept.tls) - now.getTime() > RENEW_BEFORE * DAY) return kept
  const state: ServiceState = {
    version: 1,
    region: kept?.region ?? region,
    credentials: kept?.credentials ?? newUserCredentials(),
    tls: await createTlsAuthority(now, AUTHORITY_LIFE),
  }
  await writeJsonFile(path, state)
  return state
}

function read(path: string, value: unknown): ServiceState | undefined {
  if (value === undefined) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const member = parsed.error.issues[0]?.path.join('.') || 'the whole'
  throw damaged(path, `is damaged (${member})`)
}

function isAuthority({ ca, caKey }: TlsAuthority): boolean {
  try {
    return new X509Certificate(ca).checkPrivateKey(createPrivateKey(caKey))
  } catch {
    return false
  }
}

function endOf({ ca }: TlsAuthority): number {
  return Date.parse(new X509Certificate(ca).validTo)
}
