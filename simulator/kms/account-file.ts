/** The file that keeps an account: JSON with key material, which is read strictly and never repaired. */
import { z } from 'zod'
import { UsageError } from '../../shared/errors.js'
import { damaged, readJsonFile, writeJsonFile } from '../state/atomic-file.js'
import type { AccountState, KmsAlias } from './account-state.js'
import { type ArnScope, kmsArn } from './arn.js'
import { ALIAS_NAME } from './keys/alias-name.js'
import { exportMaterial, importMaterial, KEY_SPECS, type KmsKey } from './keys/keys.js'
import { parseKeyPolicy } from './policy/policy-document.js'

const VERSION = 1

const date = z.iso.datetime()
const keyId = z.uuid()

const FILE = z.strictObject({
  version: z.literal(VERSION),
  region: z.string(),
  accountId: z.string().regex(/^\d{12}$/),
  keys: z.array(
    z.strictObject({
      id: keyId,
      spec: z.enum(KEY_SPECS),
      description: z.string(),
      enabled: z.boolean(),
      created: date,
      policy: z.string(),
      material: z.base64(),
      materialId: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
  ),
  aliases: z.array(z.strictObject({ name: z.string().regex(ALIAS_NAME), target: keyId, created: date })),
})

type KeptFile = z.infer<typeof FILE>

/** Undefined where there is no such file. Throws UsageError ERR_USAGE for one that is damaged or of another version. */
export async function readAccountFile(path: string): Promise<(AccountState & ArnScope) | undefined> {
  const value = await readJsonFile(path)
  if (value === undefined) return undefined
  const version = (value as { version?: unknown } | null)?.version
  if (version !== VERSION) {
    const has = typeof version === 'number' ? `has version ${version}` : 'has no version'
    throw damaged(path, `${has}, and this program reads ${VERSION}`)
  }
  const read = FILE.safeParse(value)
  // Not zod's message: it may quote the value.
  if (!read.success) throw damaged(path, `is damaged at ${read.error.issues[0]?.path.join('.') ?? ''}`)
  const { region, accountId, keys, aliases } = read.data
  const state = {
    region,
    accountId,
    keys: new Map(keys.map((one, at) => [one.id, readKey(path, `keys.${at}`, one, { region, accountId })])),
    aliases: new Map(aliases.map((one) => [one.name, readAlias(one)])),
  }
  if (state.keys.size !== keys.length) throw damaged(path, 'has a key twice')
  if (state.aliases.size !== aliases.length) throw damaged(path, 'has an alias twice')
  for (const { name, target } of aliases) {
    if (!state.keys.has(target)) throw damaged(path, `does not have the key of ${name}`)
  }
  return state
}

function readKey(path: string, place: string, kept: KeptFile['keys'][number], scope: ArnScope): KmsKey {
  const { id, spec, description, enabled, created, policy: policyText, materialId } = kept
  const material = importMaterial(spec, kept.material)
  if (material === undefined) throw damaged(path, `is damaged at ${place}.material`)
  if ((material.type === 'secret') !== (materialId !== undefined)) {
    throw damaged(path, `is damaged at ${place}.materialId`)
  }
  const policy = readPolicy(path, place, policyText)
  const arn = kmsArn(scope, `key/${id}`)
  return {
    id,
    arn,
    spec,
    description,
    enabled,
    created: new Date(created),
    policyText,
    policy,
    material,
    materialId,
  }
}

function readPolicy(path: string, place: string, text: string): KmsKey['policy'] {
  try {
    return parseKeyPolicy(text)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw damaged(path, `is damaged at ${place}.policy (${error.message})`)
  }
}

function readAlias({ name, target, created }: KeptFile['aliases'][number]): KmsAlias {
  return { name, target, created: new Date(created) }
}

/** Throws OperationError ERR_SIMULATOR. */
export async function writeAccountFile(path: string, state: AccountState & ArnScope): Promise<void> {
  const { region, accountId, keys, aliases } = state
  const file: KeptFile = {
    version: VERSION,
    region,
    accountId,
    keys: [...keys.values()].map((key) => ({
      id: key.id,
      spec: key.spec,
      description: key.description,
      enabled: key.enabled,
      created: key.created.toISOString(),
      policy: key.policyText,
      material: exportMaterial(key),
      materialId: key.materialId,
    })),
    aliases: [...aliases.values()].map(({ name, target, created }) => ({
      name,
      target,
      created: created.toISOString(),
    })),
  }
  await writeJsonFile(path, file)
}
