import { describe, expect, it } from 'vitest'
import { checkSound, parseDescription } from '../../cli/eif-description.js'
import { code, refusal } from '../support/errors.js'

const Measurements = { HashAlgorithm: 'Sha384 { ... }', PCR0: 'a', PCR1: 'b' }
const parse = (value: unknown) => parseDescription(Buffer.from(JSON.stringify(value)), 'x.json')

describe('the measurements of an image', () => {
  it.each([
    ['nitro-cli build-enclave', { Measurements }],
    ['nitro-cli describe-eif', { EifVersion: 4, Measurements, IsSigned: false, CheckCRC: true }],
    ['nitro-cli describe-enclaves', [{ EnclaveID: 'i-0-enc0', Measurements }]],
    ['eif_build', Measurements],
  ])('are read from what %s prints', (_, value) => {
    expect(parse(value).Measurements).toEqual(Measurements)
  })

  it.each([
    [{}, 'has no Measurements'],
    [null, 'has no Measurements'],
    [[], 'has no Measurements'],
    [7, 'has no Measurements'],
    [{ Measurements: null }, 'has no Measurements'],
    [{ Measurements: 'PCR0' }, 'has no Measurements'],
    [{ Measurements: {} }, 'has no Measurements'],
    [[{ Measurements }, { Measurements }], 'describes 2 enclaves'],
  ])('are missing in %j', async (value, why) => {
    const error = await refusal(() => parse(value))
    expect([error.code, error.message]).toEqual(['ERR_USAGE', expect.stringContaining(`x.json ${why}`)])
  })

  it('are not in what is no JSON', async () => {
    expect(await code(() => parseDescription(Buffer.from('.ei'), 'x'))).toBe('ERR_USAGE')
  })
})

describe('an image that is worth pinning', () => {
  it('has a right checksum, or nobody has looked', async () => {
    expect(() => checkSound('x', { Measurements }, [8])).not.toThrow()
    expect(() => checkSound('x', { Measurements, CheckCRC: true, SignatureCheck: true }, [8])).not.toThrow()
    expect(await code(() => checkSound('x', { Measurements, CheckCRC: false }, []))).toBe('ERR_EIF_CRC')
  })

  it('has a signature that holds, where its certificate is pinned', async () => {
    const forged = { Measurements, SignatureCheck: false }
    expect(() => checkSound('x', forged, [1, 2])).not.toThrow()
    expect(await code(() => checkSound('x', forged, [1, 8]))).toBe('ERR_EIF_SIGNATURE')
  })
})
