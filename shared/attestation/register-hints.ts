/** What it means that a register of an enclave is not the expected one, for the person who must find out why. */
import type { Judged } from './requirement.js'

/** Below it every register is locked at boot, and so in every document. */
const FIRST_OPEN = 16

const ANOTHER: Readonly<Record<number, string>> = {
  0: 'another image, or another build of it',
  1: 'another kernel, command line or boot ramdisk',
  2: 'another application',
  3: 'the parent instance has another IAM role',
  8: 'the image is signed with another certificate; a renewed one is another, even with the same key',
}

const ZERO: Readonly<Record<number, string>> = {
  3: 'zero: the parent instance had no IAM role when the enclave was started',
  8: 'zero: the image is not signed',
}

/** Registers that a debug mode leaves zero. */
const UNMEASURED_IN_DEBUG: readonly number[] = [0, 1, 2, 8]

/** Undefined where there is nothing to say. `accepted`: what was expected instead. */
export function enclaveHint(
  index: number,
  { pcrs, moduleId, debugMode }: Judged,
  accepted: readonly Uint8Array[],
): string | undefined {
  const register = pcrs.get(index)
  if (register === undefined) {
    return index < FIRST_OPEN ? undefined : 'a document has only the registers that the enclave has locked'
  }
  const lengths = accepted.map(({ length }) => length)
  if (!lengths.includes(register.length)) {
    return `${register.length} bytes, where ${[...new Set(lengths)].join(' or ')} were expected`
  }
  if (register.every((byte) => byte === 0)) {
    if (debugMode && UNMEASURED_IN_DEBUG.includes(index)) return 'zero: the enclave runs in debug mode'
    return ZERO[index] ?? 'zero: nothing was measured into it'
  }
  if (index === 4) return `another parent instance: ${instanceOf(moduleId)}, by module_id`
  return ANOTHER[index]
}

function instanceOf(moduleId: string): string {
  return moduleId.replace(/-enc[0-9a-f]+$/, '')
}
