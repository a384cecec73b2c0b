import { describe, expect, it } from 'vitest'
import { decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { code } from '../support/errors.js'

const refusal = (text: string) => code(() => decodeCbor(new Uint8Array(Buffer.from(text, 'hex'))))

describe('simple values (RFC 8949, section 3.3)', () => {
  it.each(['fc', 'fd', 'fe', 'f800', 'f81f'])('%s means nothing', async (text) => {
    expect(await refusal(text)).toBe('ERR_CBOR_RESERVED')
  })

  it.each(['e0', 'f3', 'f7', 'f820', 'f8ff'])('%s means something that is not read here', async (text) => {
    expect(await refusal(text)).toBe('ERR_CBOR_SIMPLE_VALUE')
  })

  it('f8 alone is cut short', async () => {
    expect(await refusal('f8')).toBe('ERR_CBOR_TRUNCATED')
  })
})

it.each([0.5, 2n ** 64n])('%s has no CBOR here', async (value) => {
  expect(await code(() => encodeCbor(value))).toBe('ERR_USAGE')
})
