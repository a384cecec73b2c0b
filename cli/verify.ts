/** `nitro-enclave verify`: is this document genuine, and what I ask for? Every check with its verdict. */
import { Command } from 'commander'
import {
  type Check,
  type Examination,
  examineAttestation,
  examineNitroTpmAttestation,
  type NitroTpmDocument,
} from '../shared/attestation/index.js'
import { NitroEnclaveError, UsageError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { documentJson } from './document-json.js'
import { exitCode } from './exit-codes.js'
import { decodeText, readInput } from './input.js'
import { reporting } from './reporting.js'
import { type PolicyFlags, policyOptions, readPolicyFlags } from './verification-policy-flags.js'
import { checksReport } from './verification-report.js'
import { namedRegisters, verifierPolicy } from './verifier-policy.js'
import { write, writeJson } from './write.js'

interface Flags extends PolicyFlags {
  readonly nitroTpm?: boolean
  readonly printPolicy?: boolean
  readonly json?: boolean
}

const NOTES = `
A policy.json asks the same in a file; docs/verification.md describes it:
  {"pcrs": {"0": ["6c58…", "94f1…"]}, "signingCertificate": "signer.pem", "maxAgeSeconds": 60}

Examples:
  nitro-enclave eif verifier-policy app.eif > policy.json
  nitro-enclave verify document.bin --policy policy.json --nonce 00ff
  nitro-enclave verify document.bin --pcr 0=6c58… --signing-certificate signer.pem --json
  nitro-enclave verify document.bin --print-policy > policy.json
  nitro-enclave nsm --simulator state attest | nitro-enclave verify --root state/attestation-root.pem -`

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Verify an attestation document: its form, chain and signature first, then your policy.')
    .argument('<file>', 'the document, binary, base64 or hex; - for standard input')
  return policyOptions(command)
    .option('--nitro-tpm', "the document is a NitroTPM's, which speaks for an instance")
    .option('--print-policy', 'print a policy.json that pins what this document has, if it is accepted')
    .option('--json', 'print one JSON object')
    .addHelpText('after', NOTES)
    .action((file: string, flags: Flags) =>
      reporting(
        'verify',
        () => verify(file, flags),
        flags.json ? (error) => refusal(error, [], undefined) : undefined,
      ),
    )
}

type Document = NitroTpmDocument & { readonly debugMode?: boolean }

async function verify(file: string, flags: Flags): Promise<void> {
  const { nitroTpm = false, printPolicy = false, json = false } = flags
  if (printPolicy && (json || nitroTpm)) {
    throw new UsageError(
      'ERR_USAGE',
      '--print-policy prints the policy alone, of an enclave: no --json, no --nitro-tpm',
    )
  }
  const options = await readPolicyFlags(flags, file)
  const bytes = decodeText(await readInput(file))
  const examination: Examination<Document> = await (nitroTpm
    ? examineNitroTpmAttestation(bytes, options)
    : examineAttestation(bytes, options))
  if (json) {
    writeJson(verdict(examination))
    if (!examination.accepted) process.exitCode = exitCode(examination.error)
    return
  }
  if (printPolicy && examination.accepted) {
    writeJson(verifierPolicy([namedRegisters(examination.document.pcrs)]))
    return
  }
  writeReport(examination)
  if (!examination.accepted) throw examination.error
  if (!examination.checks.some(({ name }) => name.startsWith('PCR'))) {
    write('No register was asked for: this may be any enclave of anybody. --pcr or --policy asks for one.')
  }
}

function writeReport({ accepted, document, chain = [], checks }: Examination<Document>): void {
  const name = document && `${withoutControls(document.moduleId)}, ${document.timestamp.toISOString()}`
  if (name === undefined) write('not genuine')
  else write(`genuine, and ${accepted ? 'as required' : 'refused'}: ${name}`)
  write(checksReport(checks))
  if (chain.length > 0) write('Certificates')
  for (const { subject, notAfter } of chain) write(`  ${subject} (until ${notAfter.toISOString()})`)
}

/** The fields of a genuine document, also of one that a policy refuses; of any other `inspect` shows what it claims. */
function verdict(examination: Examination<Document>): object {
  const { accepted, document, checks } = examination
  return accepted
    ? { ok: true, checks, ...documentJson(document) }
    : refusal(examination.error, checks, document)
}

function refusal(error: Error, checks: readonly Check[], document: Document | undefined): object {
  const code = error instanceof NitroEnclaveError ? error.code : null
  return { ok: false, code, message: error.message, checks, ...documentJson(document) }
}
