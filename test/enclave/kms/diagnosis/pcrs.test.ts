import { describe, expect, it } from 'vitest'
import { pcrDifferences, readExpectedPcrs } from '../../../../enclave/kms/diagnosis/pcrs.js'
import type { AttestationDocument } from '../../../../shared/attestation/document.js'

const ONE = '01'.repeat(48)
const document = { pcrs: new Map([[0, Buffer.from(ONE, 'hex')]]) } as unknown as AttestationDocument

it('a register that the document lacks is said to be none', () => {
  expect(pcrDifferences(document, new Map([[8, ONE]]))).toEqual([
    `PCR8 of this enclave is none, expected is ${ONE}.`,
  ])
})

it('registers that are not the expected ones are told, those that are are not', () => {
  const two = '02'.repeat(48)
  expect(pcrDifferences(document, new Map([[0, ONE]]))).toEqual([])
  expect(pcrDifferences(document, new Map([[0, two]]))).toEqual([
    `PCR0 of this enclave is ${ONE}, expected is ${two}.`,
  ])
})

describe('registers that are expected', () => {
  it('are those from 0 to 31, in lower case', () => {
    for (const index of [0, 9, 10, 19, 20, 29, 30, 31]) {
      expect(readExpectedPcrs({ [index]: 'aB'.repeat(48) })).toEqual(new Map([[index, 'ab'.repeat(48)]]))
    }
    expect(readExpectedPcrs(undefined)).toBeUndefined()
  })
  it.each([
    ['32', ONE],
    ['01', ONE],
    ['100', ONE],
    ['1x', ONE],
    ['x1', ONE],
    ['0', `${ONE}0`],
    ['0', `0${ONE}`],
    ['0', ONE.slice(1)],
    ['0', `${ONE}\n`],
    ['0', 5],
    ['0', [ONE]],
  ])('are refused for anything else, by name: %s, %j', (index, value) => {
    expect(() => readExpectedPcrs({ [index]: value } as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_USAGE',
        message: `expectedPcrs: ${index} is not a PCR of 48 bytes in hex`,
      }),
    )
  })
})
