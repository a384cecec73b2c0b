import {
  type ConditionKey,
  holds,
  type IamCondition,
  type IamOperator,
  isNegated,
  valuesOf,
} from './conditions.js'
import { applies, concerns, type IamPolicy, type IamRequest, type IamStatement } from './policy.js'

type Pcrs = ReadonlyMap<number, Uint8Array>

/** Statements of which one that allows the request is enough. */
export interface Way {
  readonly statements: readonly IamStatement[]
  /** False when nothing has to be allowed here: then only its Deny statements count. */
  readonly needed: boolean
}

/**
 * Says to a person which registers a refused enclave would have to have, one a line, or undefined when no
 * value that the identity policy wants differs from the document's. PCRs are public: nothing here is secret.
 */
export function explainDenial(
  policy: IamPolicy,
  pcrs: Pcrs,
  action = 'kms:GenerateRandom',
): string | undefined {
  return explainWays([{ statements: policy.statements, needed: true }], {
    action,
    resource: '*',
    recipientPcrs: pcrs,
  })
}

/** The same for a request that several policies decide over; tells of its encryption context too, which is no secret. */
export function explainWays(ways: readonly Way[], request: IamRequest): string | undefined {
  const wanted = ways.flatMap((way) => wishes(way, request))
  const lines = new Set(wanted.map((condition) => difference(condition, request)))
  if (lines.size === 0) return undefined
  if (wanted.some(({ key }) => key.kind === 'pcr') && isDebug(request.recipientPcrs)) {
    lines.add('PCR0, PCR1 and PCR2 are zero: the enclave runs in debug mode')
  }
  return [...lines].join('\n')
}

function wishes({ statements, needed }: Way, request: IamRequest): IamCondition[] {
  const concerned = statements.filter((one) => concerns(one, request.action, request.resource))
  const allowed = !needed || concerned.some((one) => one.effect === 'Allow' && applies(one, request))
  return concerned.flatMap((one) => {
    // "Deny unless it equals" asks for a value just as "allow if it equals" does.
    if (one.effect === 'Deny')
      return applies(one, request) ? one.conditions.filter(({ operator }) => isNegated(operator)) : []
    return allowed
      ? []
      : one.conditions.filter((condition) => isPositive(condition.operator) && !holds(condition, request))
  })
}

/** True for an operator whose values say what is wanted. */
const isPositive = (operator: IamOperator) => /^(String|Arn)(Equals|Like)/.test(operator)

function difference({ key, values, operator }: IamCondition, request: IamRequest): string {
  if (key.kind === 'pcr' && request.recipientPcrs === undefined) {
    return 'The policy wants an attestation document: the request has no Recipient'
  }
  const found = valuesOf(key, request)
  const has = found.length === 0 ? 'none' : found.join(', ')
  const who = key.kind === 'pcr' ? 'enclave' : 'request'
  const line = `${label(key)} differs: the policy wants ${values.join(' or ')}, the ${who} has ${has}`
  return key.kind === 'pcr' && values.some((value) => value.toLowerCase() === has)
    ? `${line} (${operator} tells upper from lower case: write it in lower case)`
    : line
}

function label(key: ConditionKey): string {
  switch (key.kind) {
    case 'pcr':
      return `PCR${key.index}`
    case 'encryptionContext':
      return `kms:EncryptionContext:${key.name}`
    case 'encryptionContextKeys':
      return 'kms:EncryptionContextKeys'
    case 'principalArn':
      return 'aws:PrincipalArn'
    case 'callerAccount':
      return 'kms:CallerAccount'
    case 'byService':
      return key.name
  }
}

/** In debug mode only the registers of the image are zero: PCR3 and PCR4 stay real. */
function isDebug(pcrs: Pcrs | undefined): boolean {
  return [0, 1, 2].every((index) => pcrs?.get(index)?.every((byte) => byte === 0) ?? false)
}
