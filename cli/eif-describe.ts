/** `nitro-enclave eif describe`: what an image says of itself, and whether that holds. */
import { Command } from 'commander'
import { type EifDescription, type NitroCliDescription, SECTION_NAMES } from '../image/index.js'
import { withoutControls } from '../shared/printable.js'
import { describeFile, isSound, registersOf } from './eif-output.js'
import { failureJson, reporting } from './reporting.js'
import { table } from './table.js'
import { write, writeJson } from './write.js'

const NOTES = `
Neither the issuer of the signing certificate nor its dates are judged. An image whose
checksum or signature is wrong is described all the same, with exit code 2.

Examples:
  nitro-enclave eif describe app.eif
  nitro-enclave eif describe app.eif --json | jq -r .Measurements.PCR0`

export function eifDescribeCommand(): Command {
  return new Command('describe')
    .description('Show what an enclave image says of itself: registers, checksum, signature, metadata.')
    .argument('<file>', 'the enclave image file')
    .option('--json', 'print the object that `nitro-cli describe-eif` prints')
    .addHelpText('after', NOTES)
    .action((file: string, { json }: { json?: boolean }) =>
      reporting('eif describe', () => describe(file, json), json ? failureJson : undefined),
    )
}

async function describe(file: string, json: boolean | undefined): Promise<void> {
  const description = await describeFile('describe', file)
  if (json) writeJson(asNitroCli(description))
  else print(description)
  if (!isSound(description)) process.exitCode = 2
}

/** Its members, in its order. */
function asNitroCli(description: EifDescription): NitroCliDescription {
  const { EifVersion, Measurements, IsSigned, SigningCertificate, CheckCRC, SignatureCheck } = description
  const { ImageName, ImageVersion, Metadata } = description
  return {
    EifVersion,
    Measurements,
    IsSigned,
    ...(SigningCertificate && { SigningCertificate }),
    CheckCRC,
    ...(SignatureCheck !== undefined && { SignatureCheck }),
    ...(ImageName !== undefined && { ImageName }),
    ...(ImageVersion !== undefined && { ImageVersion }),
    ...(Metadata && { Metadata }),
  }
}

function print(description: EifDescription): void {
  const { EifVersion, Architecture, DefaultMemory, DefaultCpus, CommandLine } = description
  const { CheckCRC, ImageName, ImageVersion } = description
  write(
    table([
      ['EIF version', String(EifVersion)],
      ['architecture', Architecture],
      ['defaults', `${DefaultMemory / 1024 ** 2} MiB of memory, ${DefaultCpus} CPUs`],
      ['name', printable(ImageName)],
      ['version', printable(ImageVersion)],
      ['checksum', CheckCRC ? 'right' : 'WRONG: the file is not as it was built'],
      ['signature', signatureOf(description)],
      ['command line', printable(CommandLine)],
    ]),
  )
  write('\nRegisters')
  write(table(registersOf(description.Measurements)))
  printCertificate(description)
  printMetadata(description)
  write('\nSections')
  write(table(description.Sections.map(({ type, size }) => [SECTION_NAMES[type], `${size} bytes`])))
}

function signatureOf({ IsSigned, SignatureCheck }: EifDescription): string {
  if (!IsSigned) return 'none'
  return SignatureCheck ? "PCR0, by the certificate's key" : 'WRONG'
}

function printCertificate({ SigningCertificate: certificate }: EifDescription): void {
  if (certificate === undefined) return
  const issuer = Object.entries(certificate.IssuerName).map(([name, value]) => `${name}=${value}`)
  write('\nSigning certificate')
  write(
    table([
      ['issuer', printable(issuer.join(', '))],
      ['not before', certificate.NotBefore],
      ['not after', certificate.NotAfter],
      ['signed with', certificate.Algorithm],
    ]),
  )
}

function printMetadata({ Metadata }: EifDescription): void {
  if (Metadata === undefined) return
  write('\nMetadata')
  write(
    table(
      Object.entries(Metadata).map(([name, value]) => [
        printable(name),
        printable(typeof value === 'string' ? value : JSON.stringify(value)),
      ]),
    ),
  )
}

/** Whoever built the image chose these texts. A line holds so much of one. */
function printable(text: string | undefined): string {
  if (text === undefined) return '-'
  return withoutControls(text.length > 2048 ? `${text.slice(0, 2048)}…` : text)
}
