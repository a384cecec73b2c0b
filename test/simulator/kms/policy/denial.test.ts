import { expect, it } from 'vitest'
import { explainDenial } from '../../../../simulator/kms/policy/denial.js'
import { parsePolicy, pinningPolicy } from '../../../../simulator/kms/policy/policy-document.js'

const A = 'ab'.repeat(48)
const B = 'cd'.repeat(48)
const ZERO = '00'.repeat(48)
const pcr = (index: number) => `kms:RecipientAttestation:PCR${index}`

const pcrs = (...values: string[]) => new Map(values.map((hex, index) => [index, Buffer.from(hex, 'hex')]))
const statement = (Condition: object, Effect = 'Allow', Action = 'kms:GenerateRandom') => ({
  Effect,
  Action,
  Resource: '*',
  Condition,
})
const explain = (values: string[], ...Statement: object[]) =>
  explainDenial(parsePolicy({ Statement }), pcrs(...values))

it('names the register and both values', () => {
  expect(explainDenial(parsePolicy(pinningPolicy(A)), pcrs(B))).toBe(
    `PCR0 differs: the policy wants ${A}, the enclave has ${B}`,
  )
})

it('is silent when nothing differs', () => {
  expect(explainDenial(parsePolicy(pinningPolicy(A)), pcrs(A))).toBeUndefined()
  expect(explain([B], statement({ Null: { [pcr(0)]: 'true' } }))).toBeUndefined()
  expect(explain([B], statement({ StringNotEquals: { [pcr(0)]: B } }))).toBeUndefined()
})

it('lists every register that differs, once, and leaves out those that agree', () => {
  const condition = { StringEquals: { [pcr(0)]: A, [pcr(1)]: [A, ZERO], [pcr(8)]: B } }
  expect(explain([A, B], statement(condition), statement(condition))?.split('\n')).toEqual([
    `PCR1 differs: the policy wants ${A} or ${ZERO}, the enclave has ${B}`,
    `PCR8 differs: the policy wants ${B}, the enclave has none`,
  ])
})

it('says that only upper and lower case differ', () => {
  const upper = A.toUpperCase()
  expect(explain([A], statement({ StringEquals: { [pcr(0)]: upper } }))).toBe(
    `PCR0 differs: the policy wants ${upper}, the enclave has ${A} ` +
      '(StringEquals tells upper from lower case: write it in lower case)',
  )
})

it('reads "deny unless equal" as a wish', () => {
  const allow = { Effect: 'Allow', Action: '*', Resource: '*' }
  expect(explain([B], allow, statement({ StringNotEquals: { [pcr(0)]: A } }, 'Deny'))).toMatch(
    /^PCR0 differs/,
  )
  expect(explain([A], allow, statement({ StringNotEquals: { [pcr(0)]: A } }, 'Deny'))).toBeUndefined()
})

it('passes over other actions, and over other ways in when one is open', () => {
  expect(explain([B], statement({ StringEquals: { [pcr(0)]: A } }, 'Allow', 'kms:Decrypt'))).toBeUndefined()
  const both = [statement({ StringEquals: { [pcr(0)]: A } }), statement({ StringEquals: { [pcr(0)]: B } })]
  expect(explain([B], ...both)).toBeUndefined()
})

it('names debug mode when PCR0, PCR1 and PCR2 are zero', () => {
  const debug = 'PCR0, PCR1 and PCR2 are zero: the enclave runs in debug mode'
  const pinned = parsePolicy(pinningPolicy(A))
  expect(explainDenial(pinned, pcrs(ZERO, ZERO, ZERO, B))?.split('\n')[1]).toBe(debug)
  expect(explainDenial(pinned, pcrs(ZERO, ZERO, A))).not.toContain('debug')
  expect(explainDenial(pinned, pcrs(ZERO, ZERO))).not.toContain('debug')
})
