/** One virtual machine that ends by itself, and all that its console said. */
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { end, start } from '../../debian/cleanup.js'
import { BootHang } from '../../debian/outcome.js'
import { say } from '../../debian/steps.js'
import type { Machine } from './guest.js'
import { inTime } from './time.js'

/** Twenty times what it takes. */
const TIMEOUT = 60_000

/**
 * @returns the lines of its console
 * @throws BootHang when it neither ended nor said anything that begins with its token
 */
export async function runToEnd({ name, qemu, args, token }: Machine): Promise<readonly string[]> {
  const child = start('nice', ['-n', '-15', qemu, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const closed = [child.stdout, child.stderr].map(async (input) => {
    if (input === null) return
    for await (const line of createInterface({ input })) {
      const text = stripVTControlCharacters(line)
      lines.push(text)
      say(`  ${name} | ${text}`)
    }
  })
  try {
    await inTime(Promise.all(closed), TIMEOUT, () => {
      const late = `the ${name} did not end in ${TIMEOUT / 1000} s`
      return lines.some((line) => line.startsWith(token)) ? new Error(late) : new BootHang(late)
    })
  } finally {
    await end(child)
  }
  return lines
}
