/** How a command ends that cannot do its work: a line on standard error, JSON where it was asked for, an exit code. */
import { type ErrorCode, NitroEnclaveError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { exitCode } from './exit-codes.js'
import { writeJson } from './write.js'

/** What to do next, for errors that a flag or another command answers. */
const NEXT_STEPS: Partial<Record<ErrorCode, string>> = {
  ERR_CERTIFICATE_EXPIRED: 'documents live three hours: --at TIME verifies an archived one at its own time',
  ERR_CERTIFICATE_NOT_YET_VALID: "compare this machine's clock, or give the time by --at TIME",
  ERR_CERTIFICATE_UNTRUSTED_ROOT: "--root PEM trusts another root, such as a simulation's",
  ERR_POLICY_MAX_AGE: '--max-age SECONDS accepts older documents; better, ask the enclave for a fresh one',
  ERR_POLICY_DEBUG_MODE: '--allow-debug accepts it, for a test',
  ERR_DOCUMENT_NITROTPM: '--nitro-tpm takes the document for that of a NitroTPM',
  ERR_DOCUMENT_ENCLAVE: 'without --nitro-tpm it is taken for the document of an enclave',
  ERR_DOCUMENT_SIZE: 'the input is taken as binary, base64 or hex',
  ERR_NSM_UNAVAILABLE: '--simulator DIR takes a simulated module, which that folder keeps',
  ERR_NSM_READ_ONLY_INDEX:
    'a locked register keeps its value until the enclave ends: `nsm pcrs` shows which are open',
  ERR_ENVELOPE: 'one error for every cause: check that the key is the one that the envelope was made for',
}

/** Runs a command's body. `json` makes the object that a program reads when it fails. */
export async function reporting(
  command: string,
  body: () => Promise<void>,
  json?: (error: Error) => object,
): Promise<void> {
  try {
    await body()
  } catch (error) {
    process.exitCode = exitCode(error)
    const failure = error instanceof Error ? error : new Error(String(error))
    if (json) writeJson(json(failure))
    const known = failure instanceof NitroEnclaveError
    process.stderr.write(
      `nitro-enclave ${command}: ${known ? `${printable(failure.message)} (${failure.code})` : failure.stack}\n`,
    )
    const next = known ? NEXT_STEPS[failure.code as ErrorCode] : undefined
    if (next !== undefined) process.stderr.write(`  ${next}\n`)
  }
}

/** What a program reads of a command that failed. */
export function failureJson(error: Error): object {
  const { code } = error as { code?: unknown }
  return { error: { name: error.name, message: error.message, ...(typeof code === 'string' && { code }) } }
}

/** File names, and what an image says, may hold anything; a message may have several lines. */
function printable(message: string): string {
  return message.split('\n').map(withoutControls).join('\n')
}
