import { evaluate } from '../../../../simulator/kms/policy/policy.js'
import { parsePolicy } from '../../../../simulator/kms/policy/policy-document.js'

export const A = 'ab'.repeat(48)
export const B = 'cd'.repeat(48)
export const IMAGE = 'kms:RecipientAttestation:ImageSha384'
export const PCR = 'kms:RecipientAttestation:PCR'

export const pcrs = (values: Record<number, string>) =>
  new Map(Object.entries(values).map(([index, hex]) => [Number(index), Buffer.from(hex, 'hex')]))

export const statement = (parts: object = {}) => ({
  Effect: 'Allow',
  Action: 'kms:GenerateRandom',
  Resource: '*',
  ...parts,
})
export const policyOf = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements })
export const when = (Condition: object, Effect = 'Allow') => policyOf(statement({ Effect, Condition }))

export function decide(
  policy: object,
  recipient?: Record<number, string>,
  action = 'kms:GenerateRandom',
  resource = '*',
) {
  const recipientPcrs = recipient && pcrs(recipient)
  return evaluate(parsePolicy(policy), { action, resource, recipientPcrs }).decision
}
