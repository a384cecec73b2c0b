/**
 * What a kernel image says its version is. Source: Linux, Documentation/arch/x86/boot.rst, fields boot_flag, header and
 * kernel_version.
 */
import { type ByteSource, readUpTo } from './byte-source.js'
import { architectureOf } from './kernel-architecture.js'

const KERNEL_VERSION = 0x20e
/** What kernel_version counts from. */
const SETUP = 0x200
/** `6.12.9-cloud-amd64 (builder@host) #1 SMP …` is longer; only its first word is wanted. */
const MAX_LENGTH = 64

/** `6.12.9-cloud-amd64`, of an x86 bzImage; undefined for anything else: an arm64 Image does not say. */
export async function kernelVersion(kernel: ByteSource): Promise<string | undefined> {
  const start = await readUpTo(kernel, 0, KERNEL_VERSION + 2)
  if (start.length < KERNEL_VERSION + 2 || (await architectureOf(kernel)) !== 'x86_64') return undefined
  const pointer = start.readUInt16LE(KERNEL_VERSION)
  if (pointer === 0) return undefined
  const text = await readUpTo(kernel, SETUP + pointer, MAX_LENGTH)
  return /^[0-9][\w.+~-]*(?=[\0 ])/.exec(text.toString('latin1'))?.[0]
}
