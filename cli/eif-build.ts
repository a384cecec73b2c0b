/** `nitro-enclave eif build`: an enclave image from a kernel and ramdisks, or from a root file system. */
import { stat } from 'node:fs/promises'
import { Command, Option } from 'commander'
import {
  type BuildEifOptions,
  buildEif,
  kernelArchitecture,
  type Measurements,
  type Signing,
} from '../image/index.js'
import { UsageError } from '../shared/errors.js'
import { type PartFlags, type Parts, withParts } from './eif-build-parts.js'
import { registersOf, warn } from './eif-output.js'
import { readInput } from './input.js'
import { onSignals } from './interruption.js'
import { time } from './options.js'
import { showProgress } from './progress.js'
import { failureJson, reporting } from './reporting.js'
import { table } from './table.js'
import { write, writeJson } from './write.js'

interface Flags extends PartFlags {
  name?: string
  version: string
  metadata?: string
  buildTime?: Date
  signingCertificate?: string
  privateKey?: string
  json?: boolean
}

const NOTES = `
The first ramdisk boots; PCR1 measures it, and PCR2 the others. Equal inputs give an equal file,
byte for byte, whenever it is built; of a signed image all but its signature and its checksum.
Owners and modes of a root file system are measured with it, times are not.
The build time is --build-time, else SOURCE_DATE_EPOCH, else 1970. White space around the
command line of a file is not part of it, as with nitro-cli. A word of the command that begins
with a dash is given as --command=-x.

Examples:
  nitro-enclave eif build --rootfs oci-layout/ --blobs /usr/share/nitro_enclaves/blobs \\
    --name app --version 1.2.0 --output app.eif
  nitro-enclave eif build --rootfs root/ --blobs blobs/ --command /app --env MODE=live --output app.eif
  nitro-enclave eif build --kernel bzImage --cmdline-file cmdline --ramdisk init.cpio.gz \\
    --ramdisk app.cpio.gz --signing-certificate cert.pem --private-key key.pem --output app.eif`

export function eifBuildCommand(): Command {
  return new Command('build')
    .description('Build an enclave image, reproducibly, and print its registers.')
    .option('--rootfs <dir>', 'the root file system: a directory, or an OCI image layout')
    .option('--blobs <dir>', 'with --rootfs: the folder of bzImage or Image, cmdline, init and nsm.ko')
    .option('--command <word...>', "with --rootfs: the program and its arguments (default: the OCI image's)")
    .option(
      '--env <NAME=VALUE>',
      "with --rootfs: its environment, once for each (default: the OCI image's)",
      collect,
    )
    .option('--kernel <file>', 'the kernel: a bzImage (x86_64) or an Image (aarch64)')
    .option('--ramdisk <file>', 'a cpio archive; once for each, in their order', collect)
    .option('--cmdline <text>', "the kernel's command line (default with --rootfs: that of the blobs)")
    .option('--cmdline-file <file>', 'the same, from a file')
    .option('--name <name>', "the image's name (default: that of --rootfs or --kernel)")
    .option('--version <version>', "the image's version", '1.0')
    .option('--metadata <file>', 'custom metadata: a JSON object')
    .option('--build-time <time>', 'what the image says it was built at, ISO 8601', time)
    .addOption(
      new Option('--arch <name>', "architecture (default: the blobs', else x86_64)").choices([
        'x86_64',
        'aarch64',
      ]),
    )
    .option('--signing-certificate <pem>', 'sign the image: the certificate, on P-256, P-384 or P-521')
    .option('--private-key <pem>', 'sign the image: its private key, not encrypted')
    .requiredOption('--output <file>', 'where the image goes')
    .option('--json', 'print the object that `nitro-cli build-enclave` prints')
    .addHelpText('after', NOTES)
    .action((flags: Flags) =>
      reporting('eif build', () => build(flags), flags.json ? failureJson : undefined),
    )
}

async function build(flags: Flags): Promise<void> {
  await checkOutput(flags)
  const options = await optionsOf(flags)
  const interruption = onSignals()
  const progress = showProgress(`writing ${flags.output}`)
  const { signal } = interruption
  try {
    const measurements = await withParts(flags, signal, async ({ warnings, ...parts }) => {
      warn('build', [...warnings, ...(await doubtsAbout(parts))])
      return buildEif({ ...parts, ...options, signal, onProgress: progress.report })
    })
    progress.end()
    print(measurements, flags)
  } catch (error) {
    progress.end()
    if (!interruption.happened) throw error
  } finally {
    interruption.end()
  }
}

/** It is measured whatever it is, but hardly boots. */
async function doubtsAbout({ kernel, architecture = 'x86_64' }: Partial<Parts>): Promise<readonly string[]> {
  if (kernel === undefined) return []
  const found = await kernelArchitecture(kernel)
  if (found === architecture) return []
  const wanted = architecture === 'x86_64' ? 'a bzImage' : 'an arm64 Image'
  const is = found === undefined ? 'of a kind that is not known' : `for ${found}`
  return [`the kernel ${kernel} is ${is}: an image for ${architecture} takes ${wanted}`]
}

type Described = Pick<BuildEifOptions, 'output' | 'version' | 'customMetadata' | 'buildTime' | 'signing'>

async function optionsOf(flags: Flags): Promise<Described & { name?: string }> {
  const { output, version, name, metadata, buildTime } = flags
  const signing = await signingOf(flags)
  return {
    output,
    version,
    ...(name !== undefined && { name }),
    ...(metadata !== undefined && { customMetadata: await readMetadata(metadata) }),
    ...(buildTime && { buildTime }),
    ...(signing && { signing }),
  }
}

async function signingOf({ signingCertificate, privateKey }: Flags): Promise<Signing | undefined> {
  if (signingCertificate === undefined && privateKey === undefined) return undefined
  if (signingCertificate === undefined || privateKey === undefined) {
    throw new UsageError('ERR_USAGE', 'to sign takes both --signing-certificate and --private-key')
  }
  return { certificate: await readInput(signingCertificate), privateKey: await readInput(privateKey) }
}

async function readMetadata(file: string): Promise<unknown> {
  const text = Buffer.from(await readInput(file)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError('ERR_USAGE', `cannot use ${file}: it is not JSON`)
  }
}

/** The kernel and the ramdisks are compared where they are opened. */
async function checkOutput(flags: Flags): Promise<void> {
  const { output, cmdlineFile, metadata, signingCertificate, privateKey } = flags
  const identity = (path: string) => stat(path, { bigint: true }).catch(() => undefined)
  const target = await identity(output)
  for (const file of [cmdlineFile, metadata, signingCertificate, privateKey]) {
    const found = file === undefined ? undefined : await identity(file)
    if (target && found?.ino === target.ino && found.dev === target.dev) {
      throw new UsageError('ERR_USAGE', `the image would replace its own input ${file}`)
    }
  }
}

function print(measurements: Measurements, { json, output }: Flags): void {
  if (json) writeJson({ Measurements: measurements })
  else write(`${output}\n${table(registersOf(measurements))}`)
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
