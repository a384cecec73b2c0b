import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import { refusedDocument } from '../../../../enclave/kms/diagnosis/document.js'

const time = new Date('2026-01-02T03:04:05.000Z')
const document = { moduleId: 'i-0123456789abcdef0-enc0123456789abcdef', timestamp: time }

const diagnosisFor = (message: string, failure: object = {}) =>
  refusedDocument({ symptom: 'ValidationException', message, document, ...failure } as unknown as Failure)

describe('a document that KMS does not take', () => {
  it.each([
    ['as it is known', undefined, '.'],
    [
      'by the clock of KMS',
      new Date(time.getTime() + 600_000),
      ': it was made at a time 600 seconds behind the clock of KMS.',
    ],
  ])('is said to be too old, as far as that is known: %s', (_, kmsTime, end) => {
    const { code, likely } = diagnosisFor('The attestation document is too old', { kmsTime }) ?? {}
    expect(code).toBe('DOCUMENT_TOO_OLD')
    expect(likely).toBe(
      `The attestation document was too old for KMS, and so was the new one of a second attempt${end}`,
    )
  })
  it('is told from others by its module', () => {
    const refusal = 'The attestation document is odd'
    expect(diagnosisFor(refusal)?.likely).toMatch(
      /^KMS does not take the attestation document for one of a Nitro/,
    )
    const simulated = { document: { ...document, moduleId: 'i-simulated-enc0123456789abcdef' } }
    expect(diagnosisFor(refusal, simulated)?.likely).toMatch(/is that of a simulated module/)
  })
  it.each([
    ['there was none', 'The attestation document is odd', { document: undefined }],
    ['there was none, of any age', 'The attestation document is too old', { document: undefined }],
    ['something else is wrong', 'NumberOfBytes is odd', {}],
    ['it is called otherwise', 'The attestation document is odd', { symptom: 'AccessDeniedException' }],
  ])('is none where %s', (_, message, failure) => {
    expect(diagnosisFor(message, failure)).toBeUndefined()
  })
})
