/** `nitro-enclave verify`: is this document genuine, and what I ask for? */
import { Command } from 'commander'
import { type AttestationDocument, parseAttestation } from '../shared/attestation/document.js'
import {
  type VerifiedAttestation,
  type VerifyOptions,
  verifyAttestation,
} from '../shared/attestation/verify.js'
import { NitroEnclaveError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { documentJson } from './document-json.js'
import { exitCode } from './exit-codes.js'
import { decodeText, readInput } from './input.js'
import { hex, type Registers, register, seconds, secondsOrNone, time } from './options.js'
import { reporting } from './reporting.js'
import { readRoots } from './roots.js'
import { write } from './write.js'

interface Flags {
  at?: Date
  root?: string
  pcr?: Registers
  nonce?: Uint8Array
  userData?: Uint8Array
  maxAge?: number
  clockTolerance?: number
  allowDebug?: boolean
  json?: boolean
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('Verify an attestation document: its form, chain and signature first, then your policy.')
    .argument('<file>', 'the document, binary, base64 or hex; - for standard input')
    .option('--at <time>', 'verify at this time, ISO 8601 (default: now)', time)
    .option('--root <pem>', 'trust the roots in this file instead of the AWS Nitro Enclaves root')
    .option('--pcr <I=HEX>', 'require this register; once for each', register)
    .option('--nonce <hex>', 'require this nonce', hex)
    .option('--user-data <hex>', 'require this user data', hex)
    .option(
      '--max-age <seconds>',
      'accept documents up to this age, or `none` for any (default: 300)',
      secondsOrNone,
    )
    .option(
      '--clock-tolerance <seconds>',
      'accept documents from the future up to this (default: 60)',
      seconds,
    )
    .option('--allow-debug', 'accept enclaves in debug mode, for tests')
    .option('--json', 'print one JSON object')
    .action((file: string, flags: Flags) =>
      reporting(
        'verify',
        () => verify(file, flags),
        flags.json ? (error) => refusal(error, undefined) : undefined,
      ),
    )
}

type Outcome = { verified: VerifiedAttestation } | { error: NitroEnclaveError }

async function verify(file: string, flags: Flags): Promise<void> {
  const options = await policyOf(flags)
  const bytes = decodeText(await readInput(file))
  const outcome = await attempt(bytes, options)
  if (flags.json) {
    const verdict =
      'error' in outcome
        ? refusal(outcome.error, readable(bytes))
        : { ok: true, ...documentJson(outcome.verified.document) }
    write(JSON.stringify(verdict, null, 2))
    if ('error' in outcome) process.exitCode = exitCode(outcome.error)
    return
  }
  if ('error' in outcome) throw outcome.error
  const { document, chain } = outcome.verified
  const name = withoutControls(document.moduleId)
  write(`genuine, and as required: ${name}, ${document.timestamp.toISOString()}`)
  for (const { subject, notAfter } of chain) write(`  ${subject} (until ${notAfter.toISOString()})`)
}

async function policyOf(flags: Flags): Promise<VerifyOptions> {
  const { at, root, pcr, nonce, userData, maxAge, clockTolerance, allowDebug } = flags
  return {
    ...(at && { now: at }),
    ...(root !== undefined && { roots: await readRoots(root) }),
    ...(pcr && { pcrs: pcr }),
    ...(nonce && { nonce }),
    ...(userData && { userData }),
    ...(maxAge !== undefined && { maxAge }),
    ...(clockTolerance !== undefined && { clockTolerance }),
    ...(allowDebug && { allowDebug }),
  }
}

function refusal(error: Error, document: AttestationDocument | undefined): object {
  const code = error instanceof NitroEnclaveError ? error.code : null
  return { ok: false, code, message: error.message, ...documentJson(document) }
}

/** Usage errors are not the document's: they go on to the shell. */
async function attempt(bytes: Uint8Array, options: VerifyOptions): Promise<Outcome> {
  try {
    return { verified: await verifyAttestation(bytes, options) }
  } catch (error) {
    if (error instanceof NitroEnclaveError && exitCode(error) !== 1) return { error }
    throw error
  }
}

function readable(bytes: Uint8Array): AttestationDocument | undefined {
  try {
    return parseAttestation(bytes).document
  } catch {
    return undefined
  }
}
