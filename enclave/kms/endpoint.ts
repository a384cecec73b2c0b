/** Names of the KMS endpoints. Fixed rules, so that no environment variable or profile has a say. */
import { UsageError } from '../../shared/errors.js'

/** The prefix has two letters, but four in the European Sovereign Cloud (`eusc-de-east-1`). */
const REGION = /^(?:[a-z]{2}|eusc)(?:-[a-z]+)+-\d$/

/** DNS suffixes of the partitions (AWS SDK, partitions.json); the first prefix that fits counts. */
const SUFFIXES: readonly (readonly [prefix: string, suffix: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
  ['eusc-', 'amazonaws.eu'],
]

/**
 * The host name of KMS in `region`, e.g. `kms.eu-central-1.amazonaws.com`; `fips` asks for `kms-fips.…`.
 * Throws UsageError ERR_USAGE when `region` does not look like one: it becomes part of a host name.
 */
export function kmsHost(region: string, options: { readonly fips?: boolean | undefined } = {}): string {
  if (typeof region !== 'string' || !REGION.test(region)) {
    throw new UsageError('ERR_USAGE', 'region: not the name of an AWS region')
  }
  const suffix = SUFFIXES.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com'
  return `${options.fips === true ? 'kms-fips' : 'kms'}.${region}.${suffix}`
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const HOST = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`)

/** A DNS name of several labels, in lower case, that is no IP address. Throws UsageError ERR_USAGE. */
export function checkHost(host: string): string {
  if (typeof host === 'string' && HOST.test(host)) return host
  throw new UsageError('ERR_USAGE', 'host: not a DNS name in lower case')
}
