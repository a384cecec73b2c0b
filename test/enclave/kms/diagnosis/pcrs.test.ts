import { expect, it } from 'vitest'
import { pcrDifferences } from '../../../../enclave/kms/diagnosis/pcrs.js'
import type { AttestationDocument } from '../../../../shared/attestation/document.js'

const ONE = '01'.repeat(48)
const document = { pcrs: new Map([[0, Buffer.from(ONE, 'hex')]]) } as unknown as AttestationDocument

it('a register that the document lacks is said to be none', () => {
  expect(pcrDifferences(document, new Map([[8, ONE]]))).toEqual([
    `PCR8 of this enclave is none, expected is ${ONE}.`,
  ])
})
