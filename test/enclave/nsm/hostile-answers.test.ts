import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeResponse } from '../../../enclave/nsm/codec.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { NsmError } from '../../../shared/errors.js'
import { refusal, variant } from './support.js'

const PLACES = ['variant', 'error', 'text'] as const

describe('a response', () => {
  it('of arbitrary bytes fails with an NsmError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeResponse(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(NsmError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('with any byte changed is read or fails with an NsmError', () => {
    const valid = variant('DescribeNSM', [
      ['version_major', 1],
      ['version_minor', 0],
      ['version_patch', 0],
      ['module_id', 'i-1234-enc5678'],
      ['max_pcrs', 32],
      ['locked_pcrs', [0, 1, 16]],
      ['digest', 'SHA384'],
    ])
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        try {
          decodeResponse(valid.with(at, byte))
        } catch (error) {
          expect(error).toBeInstanceOf(NsmError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it.each(PLACES)('does not bring a control character of a hostile %s name into the message', (place) => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const hostile = `\u001b]0;\u009b2J\u202e${name}`
        const { message } = refusal(hostileAnswer(place, hostile))
        expect(message).toMatch(/^[ -~]*$/)
      }),
    )
  })

  it.each(PLACES)('does not bring a %s name of any length into the message', (place) => {
    expect(refusal(hostileAnswer(place, 'x'.repeat(10_000))).message.length).toBeLessThan(200)
  })
})

function hostileAnswer(place: (typeof PLACES)[number], name: string): Uint8Array {
  if (place === 'variant') return variant(name, [])
  return encodeCbor(place === 'error' ? new Map([['Error', name]]) : name)
}
