/** Enclave images written by hand, with one thing wrong at a time; none of the product's own code. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const TYPES = { kernel: 1, commandLine: 2, ramdisk: 3, signature: 4, metadata: 5 } as const

export interface Part {
  readonly type: number
  readonly content: Uint8Array
  /** What its own header says instead. */
  readonly claimed?: bigint
}

export interface Differences {
  readonly version?: number
  readonly flags?: number
  readonly count?: number
  readonly crc?: number
  /** By slot. */
  readonly offsets?: Readonly<Record<number, bigint>>
  readonly sizes?: Readonly<Record<number, bigint>>
  readonly after?: Uint8Array
}

export function part(type: keyof typeof TYPES, content: string | Uint8Array): Part {
  return { type: TYPES[type], content: Buffer.from(content as Uint8Array) }
}

/** Kernel, command line and one ramdisk: the least that an image has. */
export const LEAST: readonly Part[] = [
  part('kernel', 'the kernel'),
  part('commandLine', 'console=ttyS0'),
  part('ramdisk', 'the first ramdisk'),
]

export function eifBytes(parts: readonly Part[], differences: Differences = {}): Buffer {
  const { version = 4, flags = 0, count = parts.length, offsets = {}, sizes = {}, after } = differences
  const header = Buffer.alloc(548)
  header.write('.eif', 'latin1')
  header.writeUInt16BE(version, 4)
  header.writeUInt16BE(flags, 6)
  header.writeBigUInt64BE(1n << 30n, 8)
  header.writeBigUInt64BE(2n, 16)
  header.writeUInt16BE(count, 26)
  let position = 548
  const body = parts.flatMap(({ type, content, claimed }, index) => {
    header.writeBigUInt64BE(BigInt(position), 28 + 8 * index)
    header.writeBigUInt64BE(BigInt(content.length), 284 + 8 * index)
    position += 12 + content.length
    const own = Buffer.alloc(12)
    own.writeUInt16BE(type, 0)
    own.writeBigUInt64BE(claimed ?? BigInt(content.length), 4)
    return [own, Buffer.from(content)]
  })
  for (const [slot, value] of Object.entries(offsets)) header.writeBigUInt64BE(value, 28 + 8 * Number(slot))
  for (const [slot, value] of Object.entries(sizes)) header.writeBigUInt64BE(value, 284 + 8 * Number(slot))
  const rest = Buffer.concat([...body, after ?? Buffer.alloc(0)])
  header.writeUInt32BE(differences.crc ?? crc32(Buffer.concat([header.subarray(0, 544), rest])), 544)
  return Buffer.concat([header, rest])
}

/** What a register holds after one extension by these bytes. */
export function register(...bytes: readonly (string | Uint8Array)[]): string {
  const digest = createHash('sha384')
  for (const piece of bytes) digest.update(piece)
  return createHash('sha384').update(Buffer.alloc(48)).update(digest.digest()).digest('hex')
}
