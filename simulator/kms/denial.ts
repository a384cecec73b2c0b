import { applies, concerns, holds, type IamCondition, type IamPolicy } from './policy.js'

type Pcrs = ReadonlyMap<number, Uint8Array>

/**
 * Says to a person which registers a refused enclave would have to have, one a line, or undefined when no
 * value that the policy wants differs from the document's. PCRs are public: nothing here is secret.
 */
export function explainDenial(
  policy: IamPolicy,
  pcrs: Pcrs,
  action = 'kms:GenerateRandom',
): string | undefined {
  const request = { action, resource: '*', recipientPcrs: pcrs }
  const statements = policy.statements.filter((one) => concerns(one, action, request.resource))
  const allowed = statements.some((one) => one.effect === 'Allow' && applies(one, request))
  const wanted = statements.flatMap((one) => {
    // "Deny unless it equals" asks for a value just as "allow if it equals" does.
    if (one.effect === 'Deny') return applies(one, request) ? one.conditions.filter(isNegated) : []
    return allowed
      ? []
      : one.conditions.filter((condition) => isPositive(condition) && !holds(condition, pcrs))
  })
  const lines = new Set(wanted.map((condition) => difference(condition, pcrs)))
  if (lines.size === 0) return undefined
  if (isDebug(pcrs)) lines.add('PCR0, PCR1 and PCR2 are zero: the enclave runs in debug mode')
  return [...lines].join('\n')
}

const isNegated = ({ operator }: IamCondition) => operator.startsWith('StringNotEquals')
const isPositive = ({ operator }: IamCondition) => operator.startsWith('StringEquals')

function difference({ pcr, values, operator }: IamCondition, pcrs: Pcrs): string {
  const bytes = pcrs.get(pcr)
  const has = bytes === undefined ? 'none' : Buffer.from(bytes).toString('hex')
  const line = `PCR${pcr} differs: the policy wants ${values.join(' or ')}, the enclave has ${has}`
  return values.some((value) => value.toLowerCase() === has)
    ? `${line} (${operator} tells upper from lower case: write it in lower case)`
    : line
}

/** In debug mode only the registers of the image are zero: PCR3 and PCR4 stay real. */
function isDebug(pcrs: Pcrs): boolean {
  return [0, 1, 2].every((index) => pcrs.get(index)?.every((byte) => byte === 0) ?? false)
}
