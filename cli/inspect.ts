/** `nitro-enclave inspect`: what a document says, for a person. It checks nothing, and says so. */
import { Command } from 'commander'
import { type AttestationDocument, parseAttestation } from '../shared/attestation/document.js'
import { withoutControls } from '../shared/printable.js'
import { chainOf } from './document-json.js'
import { decodeText, readInput } from './input.js'
import { reporting } from './reporting.js'
import { table } from './table.js'
import { write } from './write.js'

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what an attestation document says, without checking whether it is genuine.')
    .argument('<file>', 'the document, binary, base64 or hex; - for standard input')
    .action((file: string) => reporting('inspect', () => inspect(file)))
}

async function inspect(file: string): Promise<void> {
  const bytes = decodeText(await readInput(file))
  const { document } = parseAttestation(bytes)
  write(table(fieldsOf(document, bytes.length)))
  write('\nPCRs')
  write(table(registersOf(document)))
  write('\nCertificates, as the document claims them')
  write(table([['', 'not before', 'not after', 'subject'], ...certificatesOf(document)]))
  write('\nNothing was checked: neither signature nor chain. `nitro-enclave verify` does.')
}

function fieldsOf(document: AttestationDocument, size: number): string[][] {
  return [
    ['module_id', withoutControls(document.moduleId)],
    ['timestamp', document.timestamp.toISOString()],
    ['digest', document.digest],
    ['size', `${size} bytes`],
    ['debug mode', document.debugMode ? 'yes: PCR0, PCR1 and PCR2 are zero' : 'no'],
    ['public_key', field(document.publicKey)],
    ['user_data', field(document.userData)],
    ['nonce', field(document.nonce)],
  ]
}

function registersOf({ pcrs }: AttestationDocument): string[][] {
  return [...pcrs].map(([index, value]) => [
    `PCR${index}`,
    value.every((byte) => byte === 0) ? `zero (${value.length} bytes)` : Buffer.from(value).toString('hex'),
  ])
}

function certificatesOf(document: AttestationDocument): string[][] {
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
