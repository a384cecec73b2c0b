/** Reads the Condition element of a policy. Source: as conditions.ts. */
import { type ConditionKey, type IamCondition, type IamOperator, OPERATORS } from './conditions.js'
import { entries, fail, list, literal } from './policy-json.js'

/** Throws UsageError ERR_IAM_POLICY that names the place of whatever is not understood. */
export function parseConditions(value: unknown, path: string): IamCondition[] {
  return entries(value, path).flatMap(([name, block]) => {
    const at = `${path}.${name}`
    const operator = parseOperator(name, at)
    const seen = new Set<string>()
    return entries(block, at).map(([key, wanted]) => {
      const place = `${at}.${key}`
      if (seen.has(key.toLowerCase())) fail(place, 'appears twice')
      seen.add(key.toLowerCase())
      return parseCondition(operator, key, wanted, place)
    })
  })
}

type Operator = Pick<IamCondition, 'operator' | 'quantifier' | 'ifExists'>

function parseOperator(name: string, path: string): Operator {
  const [, quantifier, base, suffix] = /^(?:(ForA(?:nyValue|llValues)):)?(\w+?)(IfExists)?$/.exec(name) ?? []
  const operator = OPERATORS.find((one) => one === base)
  if (operator === undefined) fail(path, 'is not supported')
  if (operator === 'Null' && name !== 'Null') fail(path, 'is not supported: Null stands alone')
  return { operator, quantifier: quantifier as Operator['quantifier'], ifExists: suffix !== undefined }
}

function parseCondition(operator: Operator, name: string, wanted: unknown, path: string): IamCondition {
  const key = parseKey(name)
  if (key === undefined) fail(path, 'is not a supported condition key')
  if (operator.operator !== 'Null') checkOperator(operator, key, path)
  return { ...operator, key, values: list(wanted, path, valueReader(operator.operator)) }
}

function checkOperator({ operator, quantifier }: Operator, key: ConditionKey, path: string): void {
  const multivalued = key.kind === 'encryptionContextKeys'
  if (multivalued && quantifier === undefined) {
    fail(path, 'may have several values: write ForAnyValue: or ForAllValues: before the operator')
  }
  // KMS refuses the more dangerous half of these too, as OverlyPermissiveCondition.
  if (!multivalued && quantifier !== undefined) {
    fail(path, `has one value: write the operator without ${quantifier}:`)
  }
  const isBoolean = key.kind === 'byService' && key.name === GRANT_KEY
  const taken = isBoolean ? /^Bool/ : key.kind === 'principalArn' ? /^(String|Arn)/ : /^String/
  if (!taken.test(operator)) fail(path, `does not take the operator ${operator}`)
}

function valueReader(operator: IamOperator): (value: unknown, path: string) => string {
  if (operator === 'Null' || operator === 'Bool') return trueOrFalse
  return operator.startsWith('Arn') ? arnPattern : literal
}

function arnPattern(value: unknown, path: string): string {
  const pattern = literal(value, path)
  if (!/^arn(:[^:]*){5}$/.test(pattern)) fail(path, 'must be an ARN of six parts')
  return pattern
}

const GRANT_KEY = 'kms:grantisforawsresource'
const CONTEXT_KEY = 'kms:encryptioncontext:'
const PLAIN_KEYS: Readonly<Record<string, ConditionKey>> = {
  'kms:encryptioncontextkeys': { kind: 'encryptionContextKeys' },
  'kms:calleraccount': { kind: 'callerAccount' },
  'aws:principalarn': { kind: 'principalArn' },
  'kms:viaservice': { kind: 'byService', name: 'kms:viaservice' },
  [GRANT_KEY]: { kind: 'byService', name: GRANT_KEY },
}

function parseKey(name: string): ConditionKey | undefined {
  const register = /^kms:RecipientAttestation:(?:ImageSha384|PCR(0|[1-9]|[12]\d|3[01]))$/i.exec(name)
  if (register !== null) return { kind: 'pcr', index: Number(register[1] ?? 0) }
  const plain = asciiLower(name)
  if (plain.startsWith(CONTEXT_KEY) && plain.length > CONTEXT_KEY.length) {
    return { kind: 'encryptionContext', name: name.slice(CONTEXT_KEY.length) }
  }
  return Object.hasOwn(PLAIN_KEYS, plain) ? PLAIN_KEYS[plain] : undefined
}

/** Beyond ASCII, letters stay: a Kelvin sign is no k. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function trueOrFalse(value: unknown, path: string): string {
  const text = String(value)
  if (text !== 'true' && text !== 'false') fail(path, 'must be "true" or "false"')
  return text
}
