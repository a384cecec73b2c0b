/**
 * The smallest enclave image that QEMU's nitro-enclave machine starts, in the layout of
 * aws-nitro-enclaves-image-format: header, kernel, command line, metadata, one ramdisk; big-endian throughout.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const HEADER = 548
const VERSION = 4
const KERNEL = 1
const COMMAND_LINE = 2
const RAMDISK = 3
const METADATA = 5
const OFFSETS = 28
const SIZES = OFFSETS + 32 * 8

export interface Image {
  readonly kernel: string
  readonly commandLine: string
  readonly ramdisk: string
}

export function writeEif(output: string, { kernel, commandLine, ramdisk }: Image): void {
  const sections = [
    section(KERNEL, readFileSync(kernel)),
    section(COMMAND_LINE, Buffer.from(commandLine)),
    section(METADATA, Buffer.from(JSON.stringify(metadata()))),
    section(RAMDISK, readFileSync(ramdisk)),
  ]
  const header = Buffer.alloc(HEADER)
  header.write('.eif')
  header.writeUInt16BE(VERSION, 4)
  header.writeBigUInt64BE(1n << 30n, 8)
  header.writeBigUInt64BE(2n, 16)
  header.writeUInt16BE(sections.length, 26)
  let offset = HEADER
  for (const [index, [sectionHeader, content]] of sections.entries()) {
    header.writeBigUInt64BE(BigInt(offset), OFFSETS + index * 8)
    header.writeBigUInt64BE(BigInt(content.length), SIZES + index * 8)
    offset += sectionHeader.length + content.length
  }
  // Over everything but itself, the last four bytes of the header.
  const body = sections.flat()
  const crc = body.reduce((value, bytes) => crc32(bytes, value), crc32(header.subarray(0, -4)))
  header.writeUInt32BE(crc, HEADER - 4)
  writeFileSync(output, Buffer.concat([header, ...body]))
}

function section(type: number, content: Buffer): readonly [header: Buffer, content: Buffer] {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(type, 0)
  header.writeBigUInt64BE(BigInt(content.length), 4)
  return [header, content]
}

function metadata(): object {
  return {
    ImageName: 'test',
    ImageVersion: '1',
    BuildMetadata: {
      BuildTime: '2026-01-01T00:00:00+00:00',
      BuildTool: 'test',
      BuildToolVersion: '1',
      OperatingSystem: 'Linux',
      KernelVersion: '6.12',
    },
    DockerInfo: {},
    CustomMetadata: {},
  }
}
