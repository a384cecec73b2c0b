/** Who calls, as far as policies ask. Source: IAM User Guide, "AWS global condition context keys". */
import { UsageError } from '../../../shared/errors.js'
import { parseIamArn } from './iam-arn.js'

export interface Caller {
  /** As it stands in errors and logs: a session of a role, or a user. */
  readonly arn: string
  readonly partition: string
  /** 12 digits; `kms:CallerAccount`. */
  readonly account: string
  /** Of a session; without the path, which a session does not tell. */
  readonly roleName?: string | undefined
  /** `aws:PrincipalArn`: of a session its role's ARN, as if that had no path. */
  readonly principalArn: string
}

/** Reads the ARN of a role's session or of a user. Throws UsageError ERR_USAGE for any other. */
export function callerOf(arn: string): Caller {
  const parsed = parseIamArn(arn)
  if (parsed?.kind === 'user') {
    return { arn, partition: parsed.partition, account: parsed.account, principalArn: arn }
  }
  if (parsed?.kind === 'session') {
    const { partition, account, name } = parsed
    const principalArn = `arn:${partition}:iam::${account}:role/${name}`
    return { arn, partition, account, roleName: name, principalArn }
  }
  throw new UsageError(
    'ERR_USAGE',
    'the ARN of a caller must be as in arn:aws:sts::123456789012:assumed-role/enclave/session ' +
      'or arn:aws:iam::123456789012:user/name',
  )
}
