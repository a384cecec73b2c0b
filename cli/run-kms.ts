/** Runs the simulated KMS for the command line until a signal ends it. */
import { LOG_TIMEOUT, logDestination } from '../parent-proxy/log-destination.js'
import { withoutControls } from '../shared/printable.js'
import type { CallRecord } from '../simulator/kms/call-record.js'
import { EVERYTHING } from '../simulator/kms/identities.js'
import { parsePolicy } from '../simulator/kms/policy/policy-document.js'
import { startKmsService } from '../simulator/kms/service.js'
import { isLoopback } from '../simulator/kms/service-names.js'
import type { ListenAddress } from './listen-address.js'
import { readPolicyFile } from './policy-file.js'
import type { hearSignals } from './service-signals.js'
import { write } from './write.js'

export interface KmsFlags {
  listen?: ListenAddress
  http?: boolean
  host?: readonly string[]
  region?: string
  state?: string
  policy?: string
}

export async function runKms(flags: KmsFlags, attend: ReturnType<typeof hearSignals>): Promise<void> {
  const { listen = { address: '127.0.0.1', port: 0 } } = flags
  const policy = flags.policy === undefined ? EVERYTHING : parsePolicy(await readPolicyFile(flags.policy))
  const destination = logDestination(2)
  const log = (line: string): void => destination.write(`${line}\n`)
  const service = await startKmsService({
    listen,
    plain: flags.http,
    hostNames: flags.host,
    region: flags.region,
    directory: flags.state,
    policy,
    onCall: (call) => log(lineOf(call)),
    onError: (cause) => log(`internal error: ${withoutControls(String(cause))}`),
  })
  const ended = new Promise<void>((resolve) => {
    const end = () => resolve()
    attend({ end, reload: end })
    process.stdout.once('error', ({ code }: NodeJS.ErrnoException) => {
      log(`error: nobody can learn where it listens: standard output: ${code}`)
      process.exitCode = 4
      resolve()
    })
  })
  if (!isLoopback(listen.address)) {
    log(
      'warning: it listens beyond this machine: who learns its credentials can use every key in it, and its',
    )
    log('  keys are files here, no HSM; keep nothing in it that must stay secret')
  }
  const { endpoint, ca, attestationRoot, accessKeyId, secretAccessKey, region, directory } = service
  write(
    JSON.stringify({
      endpoint,
      ca,
      attestationRoot,
      accessKeyId,
      secretAccessKey,
      region,
      state: directory,
    }),
  )
  await ended
  await service.close()
  await destination.end(LOG_TIMEOUT)
}

/** Never a body, never a secret. */
function lineOf({
  operation = '-',
  key = '-',
  principal = '-',
  outcome,
  requestId,
  hints,
}: CallRecord): string {
  // A caller may name a key as it likes: it stays one word.
  const word = /\s/.test(key) ? JSON.stringify(key) : key
  const line = `${new Date().toISOString()} ${operation} ${word} ${principal} ${outcome} ${requestId}`
  const explained = hints.flatMap((hint) =>
    hint.split('\n').map((one) => `\n  hint: ${withoutControls(one)}`),
  )
  return line + explained.join('')
}
