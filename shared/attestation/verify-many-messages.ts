/** What threads tell each other of documents. Copying between threads keeps everything but the classes of errors. */
import {
  type FormatCode,
  FormatError,
  type NitroEnclaveError,
  type PolicyCode,
  PolicyError,
  type VerificationCode,
  VerificationError,
} from '../errors.js'
import type { Examination } from './verify.js'

export interface PlainError {
  readonly name: string
  readonly code: string
  readonly message: string
}

export type PlainExamination =
  | Extract<Examination, { accepted: true }>
  | (Omit<Extract<Examination, { accepted: false }>, 'error'> & { readonly error: PlainError })

export function toPlain(examination: Examination): PlainExamination {
  if (examination.accepted) return examination
  const { name, code, message } = examination.error
  return { ...examination, error: { name, code, message } }
}

export function fromPlain(plain: PlainExamination): Examination {
  return plain.accepted ? plain : { ...plain, error: revived(plain.error) }
}

/** Examinations end with these three alone. */
function revived({ name, code, message }: PlainError): NitroEnclaveError {
  if (name === 'FormatError') return new FormatError(code as FormatCode, message)
  if (name === 'PolicyError') return new PolicyError(code as PolicyCode, message)
  return new VerificationError(code as VerificationCode, message)
}
