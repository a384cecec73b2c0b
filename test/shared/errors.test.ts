import { expect, it } from 'vitest'
import {
  FormatError,
  NitroEnclaveError,
  NsmError,
  OperationError,
  PolicyError,
  UsageError,
  VerificationError,
} from '../../shared/errors.js'

it.each([
  ['NitroEnclaveError', NitroEnclaveError],
  ['FormatError', FormatError],
  ['VerificationError', VerificationError],
  ['PolicyError', PolicyError],
  ['UsageError', UsageError],
  ['NsmError', NsmError],
  ['OperationError', OperationError],
])('%s has its name, code and cause, and is a NitroEnclaveError', (name, Class) => {
  const cause = new Error('why')
  const error = new Class('ERR_USAGE' as never, 'what', { cause })
  expect(error).toBeInstanceOf(NitroEnclaveError)
  expect(error).toMatchObject({ name, code: 'ERR_USAGE', message: 'what', cause })
})
