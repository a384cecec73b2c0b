import { describe, expect, it } from 'vitest'
import { namedRegisters, verifierPolicy } from '../../cli/verifier-policy.js'
import { code, refusal } from '../support/errors.js'

const hex = (byte: number) => Buffer.alloc(48, byte).toString('hex')

describe('the policy of an image', () => {
  it('pins PCR0, and PCR8 where the image is signed', () => {
    expect(verifierPolicy([{ PCR0: hex(1), PCR1: hex(2) }])).toEqual({ pcrs: { 0: hex(1) } })
    expect(verifierPolicy([{ PCR0: hex(1), PCR8: hex(9) }])).toEqual({ pcrs: { 0: hex(1), 8: hex(9) } })
  })

  it('pins no PCR8 of zeros: a document has one also of an unsigned image', () => {
    expect(verifierPolicy([{ PCR0: hex(1), PCR8: hex(0) }])).toEqual({ pcrs: { 0: hex(1) } })
  })

  it('pins the registers that are named, in lower case', () => {
    const policy = verifierPolicy([{ PCR0: hex(0xaa).toUpperCase(), PCR1: hex(2), PCR2: hex(3) }], [1, 2, 0])
    expect(policy).toEqual({ pcrs: { 0: hex(0xaa), 1: hex(2), 2: hex(3) } })
  })

  it('of several takes any value, each once', () => {
    const images = [1, 2, 1].map((byte) => ({ PCR0: hex(byte), PCR8: hex(9) }))
    expect(verifierPolicy(images)).toEqual({ pcrs: { 0: [hex(1), hex(2)], 8: hex(9) } })
  })

  it('of several pins the signer only if each is signed', () => {
    expect(verifierPolicy([{ PCR0: hex(1), PCR8: hex(9) }, { PCR0: hex(2) }])).toEqual({
      pcrs: { 0: [hex(1), hex(2)] },
    })
  })

  it('pins the registers of a document', () => {
    const pcrs = new Map([0, 1, 8].map((index) => [index, Buffer.alloc(48, index + 1)]))
    expect(verifierPolicy([namedRegisters(pcrs)])).toEqual({ pcrs: { 0: hex(1), 8: hex(9) } })
  })

  it('is refused for registers that pin nothing', async () => {
    const { message } = await refusal(() => verifierPolicy([{ PCR0: hex(0) }]))
    expect(message).toMatch(/^PCR0 is zero, which pins nothing/)
    expect(await code(() => verifierPolicy([{ PCR0: hex(1), PCR3: hex(0) }], [3]))).toBe('ERR_USAGE')
  })

  it.each<[string, object]>([
    ['is not there', { PCR1: hex(1) }],
    ['is no text', { PCR0: 7 }],
    ['is too short', { PCR0: 'ab' }],
  ])('is refused when PCR0 %s', async (_, image) => {
    expect(await code(() => verifierPolicy([image as Record<string, unknown>]))).toBe('ERR_USAGE')
  })
})
