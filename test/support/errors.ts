import { type ErrorCode, NitroEnclaveError } from '../../shared/errors.js'

/** What a call threw or rejected with; the test fails when it did neither. */
export async function refusal(call: () => unknown): Promise<NitroEnclaveError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof NitroEnclaveError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The code that a call was refused with. */
export async function code(call: () => unknown): Promise<ErrorCode> {
  return (await refusal(call)).code
}
