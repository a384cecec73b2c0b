/** Reads the Principal element of a key policy. Source: IAM User Guide, "AWS JSON policy elements: Principal". */
import { parseIamArn } from './iam-arn.js'
import type { PrincipalPattern } from './key-policy.js'
import { fail, list, members, text } from './policy-json.js'

/** Throws UsageError ERR_IAM_POLICY that names the place of whatever is not understood. */
export function parsePrincipals(value: unknown, path: string): PrincipalPattern[] {
  if (value === undefined) fail(path, 'is missing')
  if (value === '*') return [{ kind: 'anyone' }]
  const { AWS, Service } = members(value, path, ['AWS', 'Service'])
  return [
    ...(AWS === undefined ? [] : list(AWS, `${path}.AWS`, principal)),
    ...(Service === undefined ? [] : list(Service, `${path}.Service`, service)),
  ]
}

function principal(value: unknown, path: string): PrincipalPattern {
  const name = text(value, path)
  if (name === '*') return { kind: 'anyone' }
  if (/^\d{12}$/.test(name)) return { kind: 'account', account: name }
  const arn = parseIamArn(name)
  if (arn === undefined) {
    fail(
      path,
      'must be "*", an account, or the ARN of a root, a role, a role session or a user, without wildcards',
    )
  }
  const { kind, partition, account } = arn
  if (kind === 'root') return { kind: 'account', partition, account }
  return kind === 'role' ? { kind, partition, account, name: arn.name } : { kind: 'exactly', arn: name }
}

function service(value: unknown, path: string): PrincipalPattern {
  const name = text(value, path)
  if (!/^[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?$/.test(name)) {
    fail(path, 'must be a service principal, as in "logs.amazonaws.com"')
  }
  return { kind: 'service', name }
}
