/** Runs one simulated call for the command line, and ends what it started, however it ends. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../shared/errors.js'
import { ReportedError } from '../simulator/child.js'
import { type AttestedRandom, type KeyStoreState, type Simulation, simulate } from '../simulator/index.js'
import { explainDenial } from '../simulator/kms/policy/denial.js'
import { parsePolicy } from '../simulator/kms/policy/policy-document.js'
import { temporaryDirectory } from '../simulator/temporary-directory.js'
import { reason } from './input.js'
import { type Interruption, onSignals } from './interruption.js'
import type { Registers } from './options.js'
import { readPolicyFile } from './policy-file.js'
import { accountOf, printAccount } from './simulation-account.js'
import { write } from './write.js'

export interface SimulateFlags {
  bytes: number
  customKeyStoreId?: string
  customKeyStore?: Readonly<Record<string, KeyStoreState>>
  pcr?: Registers
  policy?: string
  json?: boolean
  trace?: string
}

export async function runSimulation(flags: SimulateFlags): Promise<void> {
  const policy = flags.policy === undefined ? undefined : await readPolicyFile(flags.policy)
  if (flags.trace !== undefined) checkTrace(flags.trace, flags.policy)
  const directory = await temporaryDirectory('nitro-enclave-trace-')
  const trace = flags.trace === undefined ? join(directory, 'trace') : resolve(flags.trace)
  const begun = performance.now()
  const starting = simulate({
    trace,
    ...(policy !== undefined && { policy }),
    ...(flags.pcr && { pcrs: flags.pcr }),
    ...(flags.customKeyStore && { customKeyStores: flags.customKeyStore }),
  })
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= starting
      .then((simulation) => simulation.close())
      .catch(() => undefined)
      .then(() => rm(directory, { recursive: true, force: true }))
    return closed
  }
  const interruption = onSignals()
  // What is under way fails then, and the command comes to its end.
  interruption.signal.addEventListener('abort', () => void close())
  try {
    const simulation = await starting
    const start = performance.now() - begun
    const answer = await call(simulation, flags, interruption)
    if (answer === undefined) return
    const account = await accountOf({ simulation, answer, trace, start, numberOfBytes: flags.bytes })
    if (flags.json) write(JSON.stringify(account, null, 2))
    else printAccount(account)
  } finally {
    await close()
    interruption.end()
  }
}

/** Undefined when KMS, or the way to it, refused (that has been reported), or when a signal came. */
async function call(
  simulation: Simulation,
  flags: SimulateFlags,
  interruption: Interruption,
): Promise<AttestedRandom | undefined> {
  const { bytes, customKeyStoreId } = flags
  try {
    return await simulation.generateRandom({
      numberOfBytes: bytes,
      ...(customKeyStoreId !== undefined && { customKeyStoreId }),
    })
  } catch (error) {
    if (interruption.happened) return undefined
    if (!(error instanceof ReportedError)) throw error
    printFailure(error, simulation, flags)
    return undefined
  }
}

/** KMS's own words, then what is likely wrong. */
function printFailure(
  { report }: ReportedError,
  { policy, enclave }: Simulation,
  { json }: SimulateFlags,
): void {
  process.exitCode = 4
  const denied = report.name === 'AccessDeniedException'
  const hint = denied ? explainDenial(parsePolicy(policy), enclave.pcrs) : undefined
  if (json) write(JSON.stringify({ error: { ...report, ...(hint !== undefined && { hint }) } }, null, 2))
  process.stderr.write(`nitro-enclave simulate: ${report.name}: ${report.message}\n`)
  if (report.code !== undefined) process.stderr.write(`  code: ${report.code}\n`)
  if (report.requestId !== undefined) process.stderr.write(`  request id: ${report.requestId}\n`)
  if (hint !== undefined) process.stderr.write(`  hint: ${hint}\n`)
}

/** A trace goes to a new file or replaces an old one; anything else would block, or be lost. */
function checkTrace(file: string, policy: string | undefined): void {
  if (policy !== undefined && resolve(file) === resolve(policy)) {
    throw new UsageError('ERR_USAGE', `the trace would replace the policy ${policy}`)
  }
  if (existsSync(file) && !statSync(file).isFile()) {
    throw new UsageError('ERR_USAGE', `cannot write the trace to ${file}: it is not a regular file`)
  }
  try {
    closeSync(openSync(file, 'w', 0o600))
  } catch (error) {
    throw new UsageError('ERR_USAGE', `cannot write the trace to ${file}: ${reason(error)}`)
  }
}
