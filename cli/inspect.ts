/** `nitro-enclave inspect`: what a document says, for a person. It checks nothing, and says so. */
import { Command } from 'commander'
import { parseAttestation } from '../shared/attestation/document.js'
import { parseNitroTpmAttestation } from '../shared/attestation/nitro-tpm-document.js'
import type { Judged } from '../shared/attestation/requirement.js'
import { withoutControls } from '../shared/printable.js'
import { chainOf } from './document-json.js'
import { decodeText, readInput } from './input.js'
import { reporting } from './reporting.js'
import { table } from './table.js'
import { write } from './write.js'

interface Flags {
  readonly nitroTpm?: boolean
}

const NOTES = `
Examples:
  nitro-enclave inspect document.bin
  nitro-enclave verify document.bin --policy policy.json   # whether to believe it`

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what an attestation document says, without checking whether it is genuine.')
    .argument('<file>', 'the document, binary, base64 or hex; - for standard input')
    .option('--nitro-tpm', "the document is a NitroTPM's, which speaks for an instance")
    .addHelpText('after', NOTES)
    .action((file: string, { nitroTpm = false }: Flags) =>
      reporting('inspect', () => inspect(file, nitroTpm)),
    )
}

async function inspect(file: string, nitroTpm: boolean): Promise<void> {
  const bytes = decodeText(await readInput(file))
  const { document }: { document: Judged } = nitroTpm
    ? parseNitroTpmAttestation(bytes)
    : parseAttestation(bytes)
  write(table(fieldsOf(document, bytes.length)))
  write('\nPCRs')
  write(table(registersOf(document)))
  write('\nCertificates, as the document claims them')
  write(table([['', 'not before', 'not after', 'subject'], ...certificatesOf(document)]))
  write('\nNothing was checked: neither signature nor chain. `nitro-enclave verify` does, with --policy.')
}

function fieldsOf(document: Judged, size: number): string[][] {
  return [
    ['module_id', withoutControls(document.moduleId)],
    ['timestamp', document.timestamp.toISOString()],
    ['digest', document.digest],
    ['size', `${size} bytes`],
    ...(document.debugMode === undefined
      ? []
      : [['debug mode', document.debugMode ? 'yes: PCR0, PCR1 and PCR2 are zero' : 'no']]),
    ['public_key', field(document.publicKey)],
    ['user_data', field(document.userData)],
    ['nonce', field(document.nonce)],
  ]
}

function registersOf({ pcrs }: Judged): string[][] {
  return [...pcrs].map(([index, value]) => [
    `PCR${index}`,
    value.every((byte) => byte === 0) ? `zero (${value.length} bytes)` : Buffer.from(value).toString('hex'),
  ])
}

function certificatesOf(document: Judged): string[][] {
  return chainOf(document).map(({ subject, notBefore, notAfter }, index) => [
    String(index + 1),
    notBefore ?? '-',
    notAfter ?? '-',
    subject,
  ])
}

/** Hex, and the text itself where it is one. */
function field(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return 'absent'
  const hex = Buffer.from(bytes).toString('hex')
  const shown = hex.length > 64 ? `${hex.slice(0, 64)}…` : hex
  const text = Buffer.from(bytes).toString('latin1')
  const readable = /^[\x20-\x7e]{4,64}$/.test(text) ? ` ${JSON.stringify(text)}` : ''
  return `${bytes.length} bytes${bytes.length > 0 ? `: ${shown}` : ''}${readable}`
}
