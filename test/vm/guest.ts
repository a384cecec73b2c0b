/** One virtual machine, from its start to the line on its console that says how its program ended. */
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { end, start } from '../../debian/cleanup.js'
import { BootHang } from '../../debian/outcome.js'
import { say } from '../../debian/steps.js'
import { inTime } from './time.js'

const BOOT_TIMEOUT = 60_000
const PROGRAM_TIMEOUT = 240_000

export interface Machine {
  /** Stands before each line of its console. */
  readonly name: string
  readonly qemu: string
  readonly args: readonly string[]
  /** Begins the lines that its init writes. */
  readonly token: string
  readonly bootTimeout?: number | undefined
  /** The line by which it is up, where its init is not a test's. */
  readonly up?: RegExp
  /** Is told each line of its console. */
  readonly onLine?: (line: string) => void
}

export interface Guest {
  /** Of its program. Rejects when the guest goes without telling it, or takes too long. */
  readonly exitCode: Promise<number>
  stop(): Promise<void>
}

/** @throws BootHang when the guest never reaches its init */
export async function boot(machine: Machine): Promise<Guest> {
  const { name, qemu, args, bootTimeout = BOOT_TIMEOUT } = machine
  // Before other processes: a guest on busy cores misses its timers. Without the right to, nice runs it as it is.
  const child = start('nice', ['-n', '-15', qemu, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const began = performance.now()
  const tell = (what: string): void =>
    say(`   the ${name} ${what} (${seconds(performance.now() - began)} after its start)`)

  const { init, exit } = reports(machine, child)
  try {
    await inTime(
      init,
      bootTimeout,
      () => new BootHang(`the ${name} did not reach its init in ${seconds(bootTimeout)}`),
    )
  } catch (error) {
    await end(child)
    throw error
  }
  tell('reached its init')
  const exitCode = inTime(exit, PROGRAM_TIMEOUT, () => {
    return new Error(`the program in the ${name} did not end in ${seconds(PROGRAM_TIMEOUT)}`)
  })
  exitCode.then(
    (code) => tell(`ended its program with ${code}`),
    // Reported by whoever waits for it, who may not have begun to.
    () => undefined,
  )
  return { exitCode, stop: () => end(child) }
}

interface Reports {
  readonly init: Promise<void>
  readonly exit: Promise<number>
}

/** The console goes to our output, line by line; what its init says there, to the promises. */
function reports({ name, token, up, onLine: listener }: Machine, child: ChildProcess): Reports {
  let last = 'nothing on its console'
  const onLine = (listener: (line: string) => void): void => {
    for (const input of [child.stdout, child.stderr]) {
      if (input !== null) createInterface({ input }).on('line', listener)
    }
  }
  const report = (expression: RegExp, failed: (how: string) => Error): Promise<string> => {
    return new Promise((resolve, reject) => {
      onLine((line) => {
        const [found] = expression.exec(line) ?? []
        if (found !== undefined) resolve(found)
      })
      child.once('error', (error) => reject(failed(error.message)))
      child.once('close', (code, signal) => reject(failed(`QEMU ended with ${code ?? signal}; ${last}`)))
    })
  }
  onLine((line) => {
    last = line.trim() || last
    if (!line.includes(token)) say(`  ${name} | ${stripVTControlCharacters(line)}`)
  })
  if (listener !== undefined) onLine(listener)
  const init = report(
    up ?? new RegExp(`${token} init`),
    (how) => new BootHang(`the ${name} never reached its init: ${how}`),
  )
  const exit = report(
    new RegExp(`${token} exit [0-9]+`),
    (how) => new Error(`the ${name} ended without an exit code: ${how}`),
  )
  const exitCode = exit.then((found) => Number(found.split(' ').at(-1)))
  // When the boot fails nobody asks for it.
  exitCode.catch(() => undefined)
  return { init: init.then(() => undefined), exit: exitCode }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

/** A boot that hangs is the machine's doing, and tried once more; a failed test is not. */
export async function onceMoreIfHung(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof BootHang)) throw error
    say(`   ${error.message}; once more`)
    await work()
  }
}

export async function expectSuccess(what: string, exitCode: Promise<number>): Promise<void> {
  const code = await exitCode
  if (code !== 0) throw new Error(`${what} ended with ${code}`)
}
