/** One enclave of the check of its init: built, booted to its end, and its console read. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { say } from '../../debian/steps.js'
import { buildEif } from '../../image/index.js'
import { type Changes, writeBlobRamdisk } from './blob-ramdisk.js'
import { clock, nitroEnclave } from './machines.js'
import { runToEnd } from './run-to-end.js'
import type { Port } from './vhost-vsock.js'

export interface Scenario {
  readonly name: string
  /** Kernel options beside those of the blobs. */
  readonly options?: string
  /** Without them the command is `true`. */
  readonly files?: Changes
  /** What the parent does with the heartbeat, `echo` if not said: guest/heartbeat.c. */
  readonly answer?: 'wrong' | 'close' | 'silence'
  /** Whole lines of the console, in this order; others may stand between them. */
  readonly expected: readonly (string | RegExp)[]
  /** No line of the console is like it. */
  readonly never?: RegExp
}

export interface Parts {
  readonly folder: string
  readonly blobs: string
  readonly busybox: string
  readonly firmware: string
  readonly qemu: string
}

export async function playScenario(parts: Parts, { cid, socket }: Port, scenario: Scenario): Promise<void> {
  const { folder, blobs, busybox, firmware, qemu } = parts
  const ramdisk = join(folder, `${cid}.cpio`)
  const image = join(folder, `${cid}.eif`)
  const usual = { '/cmd': '/bin/busybox\ntrue\n', '/env': '' }
  await writeBlobRamdisk(ramdisk, blobs, busybox, { ...usual, ...scenario.files })
  const commandLine = `${readFileSync(join(blobs, 'cmdline'), 'utf8')} ${scenario.options ?? ''}`.trim()
  const kernel = join(blobs, 'bzImage')
  await buildEif({ kernel, commandLine, ramdisks: [ramdisk], output: image, name: 'test', version: '1' })

  const name = `enclave ${cid}`
  say(`   ${name}: ${scenario.name}`)
  const began = performance.now()
  const args = nitroEnclave(image, firmware, socket, clock())
  const lines = await runToEnd({ name, qemu, args, token: 'enclave-init: ' })
  for (const file of [ramdisk, image]) rmSync(file)
  check(scenario, lines)
  say(`   ${name} is as it should be, after ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

function check({ name, expected, never }: Scenario, lines: readonly string[]): void {
  let at = 0
  for (const one of expected) {
    const found = lines.findIndex((line, index) => index >= at && matches(line, one))
    if (found === -1) throw new Error(`${name}: the console does not say, or not in its place: ${one}`)
    at = found + 1
  }
  const unwanted = lines.find((line) => never?.test(line))
  if (unwanted !== undefined) throw new Error(`${name}: the console says: ${unwanted}`)
}

function matches(line: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? line === expected : expected.test(line)
}
