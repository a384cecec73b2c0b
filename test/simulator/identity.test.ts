import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../shared/errors.js'
import { enclaveIdentity } from '../../simulator/identity.js'

const ZERO = new Uint8Array(48)

function measured(text: string): Uint8Array {
  return new Uint8Array(createHash('sha384').update(ZERO).update(text).digest())
}

describe('an enclave that nothing is said about', () => {
  it("has a module id of hardware's form that says that it is simulated", () => {
    const { moduleId, instanceId } = enclaveIdentity({})
    expect(moduleId).toMatch(/^i-simulated[0-9a-f]{8}-enc[0-9a-f]{16}$/)
    expect(moduleId.split('-enc')[0]).toBe(instanceId)
  })

  it('is another one every time', () => {
    expect(enclaveIdentity({}).moduleId).not.toBe(enclaveIdentity({}).moduleId)
  })

  it.each([0, 1, 2])('has the same PCR%d every time, and not zero, so that policies can name it', (index) => {
    const register = enclaveIdentity({}).pcrs.get(index)
    expect(register).toEqual(enclaveIdentity({}).pcrs.get(index))
    expect(register).not.toEqual(ZERO)
  })

  it('has three different image measurements', () => {
    const { pcrs } = enclaveIdentity({})
    expect(new Set([0, 1, 2].map((index) => Buffer.from(pcrs.get(index) ?? []).toString('hex'))).size).toBe(3)
  })

  it('has a simulated role in PCR3', () => {
    expect(enclaveIdentity({}).pcrs.get(3)).toEqual(
      measured('arn:aws:iam::123456789012:role/simulated-enclave'),
    )
  })

  it('has its instance id in PCR4', () => {
    const { pcrs, instanceId } = enclaveIdentity({})
    expect(pcrs.get(4)).toEqual(measured(instanceId))
  })

  it('attests the registers 0 to 15', () => {
    expect([...enclaveIdentity({}).pcrs.keys()]).toEqual(Array.from({ length: 16 }, (_, index) => index))
  })
})

describe('a register', () => {
  const bytes = new Uint8Array(48).fill(0xab)

  it.each([bytes, Buffer.from(bytes), 'ab'.repeat(48), 'AB'.repeat(48)])('can be given as %o', (value) => {
    expect(enclaveIdentity({ pcrs: { 0: value } }).pcrs.get(0)).toEqual(bytes)
  })

  it('can be zero, as in debug mode', () => {
    expect(enclaveIdentity({ pcrs: { 0: ZERO } }).pcrs.get(0)).toEqual(ZERO)
  })

  it('above 15 is attested when it is given', () => {
    expect(enclaveIdentity({ pcrs: { 31: bytes } }).pcrs.get(31)).toEqual(bytes)
  })

  it('can be given for the role, and then stands', () => {
    expect(enclaveIdentity({ pcrs: { 3: bytes }, roleArn: 'arn' }).pcrs.get(3)).toEqual(bytes)
  })

  it('does not change when the caller changes the bytes afterwards', () => {
    const own = new Uint8Array(bytes)
    const { pcrs } = enclaveIdentity({ pcrs: { 0: own } })
    own.fill(0)
    expect(pcrs.get(0)).toEqual(bytes)
  })

  it.each(['32', '-1', '1.5', '', '01', '0x1', '1e1', ' 1', 'PCR0', '__proto__'])(
    'with the index %j is refused',
    (index) => {
      const pcrs = JSON.parse(`{${JSON.stringify(index)}: "${'ab'.repeat(48)}"}`)
      expect(() => enclaveIdentity({ pcrs })).toThrow(UsageError)
    },
  )

  it.each<unknown>([
    new Uint8Array(47),
    new Uint8Array(49),
    new Uint8Array(32),
    'ab'.repeat(47),
    `${'ab'.repeat(47)}zz`,
    `${'ab'.repeat(48)}\n`,
    '',
    48,
    null,
    undefined,
    Array.from(bytes),
    ['ab'.repeat(48)],
  ])('of the value %o is refused, and the register named', (value) => {
    const pcrs = { 7: value } as Record<number, string>
    expect(() => enclaveIdentity({ pcrs })).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE', message: 'PCR7 is not 48 bytes of hex' }),
    )
  })
})

it('a role is measured into PCR3 as AWS documents it', () => {
  const { pcrs } = enclaveIdentity({ roleArn: 'arn:aws:iam::123456789012:role/Webserver' })
  expect(Buffer.from(pcrs.get(3) ?? []).toString('hex')).toBe(
    '78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6',
  )
})
