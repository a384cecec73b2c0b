/**
 * What a kernel image is for. Source: Linux, Documentation/arch/x86/boot.rst (fields boot_flag and header), and
 * Documentation/arch/arm64/booting.rst (field magic).
 */
import { type ByteSource, readUpTo, withFile } from './byte-source.js'
import type { Architecture } from './format.js'

const X86_BOOT_FLAG = 0x1fe
const X86_HEADER = 0x202
const ARM64_MAGIC = 56

/** Undefined for what is neither a bzImage nor an Image. Throws UsageError ERR_USAGE when it cannot be read. */
export function kernelArchitecture(path: string): Promise<Architecture | undefined> {
  return withFile(path, architectureOf)
}

export async function architectureOf(kernel: ByteSource): Promise<Architecture | undefined> {
  const start = await readUpTo(kernel, 0, X86_HEADER + 4)
  const magic = (position: number) => start.toString('latin1', position, position + 4)
  if (magic(ARM64_MAGIC) === 'ARM\x64') return 'aarch64'
  const bootable = start.length === X86_HEADER + 4 && start.readUInt16LE(X86_BOOT_FLAG) === 0xaa55
  return bootable && magic(X86_HEADER) === 'HdrS' ? 'x86_64' : undefined
}
