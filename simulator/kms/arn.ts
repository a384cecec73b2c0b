/** ARNs of the simulated KMS. Source: Service Authorization Reference, "AWS Key Management Service". */

/** The first prefix that a region's name has decides (AWS SDK, partitions.json). */
const PARTITIONS: readonly (readonly [prefix: string, partition: string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
]

export function partitionOf(region: string): string {
  return PARTITIONS.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws'
}

/** Where keys and aliases are. */
export interface ArnScope {
  readonly region: string
  /** 12 digits. */
  readonly accountId: string
}

/** `resource`: `key/ID` or `alias/NAME`. */
export function kmsArn({ region, accountId }: ArnScope, resource: string): string {
  return `arn:${partitionOf(region)}:kms:${region}:${accountId}:${resource}`
}

export interface KmsArn extends ArnScope {
  readonly partition: string
  readonly resource: string
}

const ARN = /^arn:([^:]+):kms:([^:]+):(\d{12}):((?:key|alias)\/.+)$/

/** Undefined for a text that is no ARN of a key or an alias. */
export function parseKmsArn(text: string): KmsArn | undefined {
  const [, partition, region, accountId, resource] = ARN.exec(text) ?? []
  if (!partition || !region || !accountId || !resource) return undefined
  return { partition, region, accountId, resource }
}
