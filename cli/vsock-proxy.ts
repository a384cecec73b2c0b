/** `vsock-proxy`: the command line of AWS's, and this proxy behind it. */
import { createRequire } from 'node:module'
import { isIPv4, isIPv6 } from 'node:net'
import { Command, CommanderError, Option } from 'commander'
import { asciiHost, matchAwsAllowlist, readAwsAllowlist } from '../parent-proxy/aws-allowlist.js'
import { createLogger, type LogLevel } from '../parent-proxy/log.js'
import { LOG_TIMEOUT, logDestination } from '../parent-proxy/log-destination.js'
import { dnsResolver } from '../parent-proxy/resolver.js'
import { startService } from '../parent-proxy/service.js'
import { NitroEnclaveError, UsageError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { parseVsockAddress } from '../shared/vsock/index.js'
import { hearSignals } from './service-signals.js'
import { checkArguments, type VsockProxyArguments, type VsockProxyOptions } from './vsock-proxy-arguments.js'

const DEFAULT_CONFIG = '/etc/nitro_enclaves/vsock-proxy.yaml'
/** Milliseconds that open connections have to end after a signal; AWS's program gives them none. */
const DRAIN_TIMEOUT = 5_000

const NOTES = `
In place of AWS's vsock-proxy 1.0.2: its arguments, its file, its words when it refuses. What differs:
  - There are no workers: 4,096 connections are open at once, 1,024 more wait for up to 10 s, the next ones
    are reset. -w is checked, and bounds nothing.
  - DNS may fail: the last good answer serves, and the proxy goes on. At the start only a target that the
    allowlist has under another name is resolved.
  - A name leads to loopback, link-local and metadata addresses only where the allowlist has those addresses
    themselves, or localhost.
  - It listens on every CID of this machine, not only on 3.
  - Either side of a connection may end its sending, and go on reading.
  - SIGTERM and SIGINT leave open connections ${DRAIN_TIMEOUT / 1000} s to end; the same again, none.

The log is JSON on standard error: warnings and errors. RUST_LOG=info adds a line for each connection.
\`nitro-enclave proxy\` does more: many listeners in a process, limits, reload, metrics, credentials.

Exit codes:
  0  ended by a signal
  1  refused, or it cannot listen
  2  wrong arguments`

export async function main(argv: readonly string[]): Promise<void> {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  const program = new Command('vsock-proxy')
    .description('Carry vsock connections of enclaves to one allowed TCP endpoint.')
    .argument('<local_port>', 'vsock port to listen on')
    .argument('<remote_addr>', 'host name or IP address of the server')
    .argument('<remote_port>', 'its TCP port')
    .option('-4, --ipv4', 'use IPv4 addresses only')
    .addOption(new Option('-6, --ipv6', 'use IPv6 addresses only').conflicts('ipv4'))
    .option('-w, --num_workers <workers>', 'checked and ignored: see below', '4')
    .option('--config <config_file>', 'YAML: the endpoints that may be reached', DEFAULT_CONFIG)
    .option('--listen <address>', "not in AWS's: listen there instead, as in unix:DIR:8000 (DIR/3.8000)")
    .version(`vsock-proxy ${version} (nitro-enclave-sdk)`, '-V, --version')
    .addHelpText('after', NOTES)
    .action(async (localPort: string, host: string, remotePort: string, options: VsockProxyOptions) => {
      await reporting(() => serve(checkArguments(localPort, host, remotePort, options)))
    })
  try {
    await program.exitOverride().parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : 2
  }
}

/** AWS's line, then what is behind it. */
async function reporting(body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    process.exitCode = 1
    const { message, cause } = error
    process.stderr.write(`Error: ${JSON.stringify(withoutControls(message))}\n`)
    if (cause instanceof Error) process.stderr.write(`  ${withoutControls(cause.message)}\n`)
  }
}

async function serve({ localPort, target, config, prefer, listen }: VsockProxyArguments): Promise<void> {
  const dns = prefer === undefined ? {} : { prefer }
  const allowlist = await atStep('Error at checking the allowlist', async () => {
    const text = await readAwsAllowlist(config)
    const { host } = target
    if ((prefer === 'ipv4-only' && isIPv6(host)) || (prefer === 'ipv6-only' && isIPv4(host))) {
      throw new UsageError('ERR_USAGE', 'No accepted IP was found.')
    }
    return matchAwsAllowlist(text, config, target, dnsResolver(dns))
  })
  const name = listen ?? `vsock:ANY:${localPort}`
  const to = { host: asciiHost(target.host), port: target.port }
  const level = logLevel(process.env.RUST_LOG)
  const destination = logDestination(2)
  const logger = createLogger(level, destination)
  const attend = hearSignals(['SIGTERM', 'SIGINT'])
  const service = await atStep('Could not listen for connections', async () => {
    const listener = { name, listen: parseVsockAddress(name), to, dns }
    const options = { allowlist, listeners: [listener], drainTimeout: DRAIN_TIMEOUT, log: { level } }
    return startService(options, logger)
  })
  attend({ end: service.end })
  await service.ended
  await destination.end(LOG_TIMEOUT)
}

/** AWS names the step before what went wrong in it. */
async function atStep<T>(step: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (!(error instanceof NitroEnclaveError)) throw error
    throw new UsageError('ERR_USAGE', `${step}: ${error.message}`, { cause: error.cause })
  }
}

/** RUST_LOG's most talkative directive: `info`, `vsock_proxy=trace,warn`. */
function logLevel(directives = ''): LogLevel {
  const words = directives.toLowerCase().split(/[,=]/)
  const given = (...levels: readonly string[]) => levels.some((level) => words.includes(level))
  if (given('trace', 'debug')) return 'debug'
  if (given('info')) return 'info'
  return given('error', 'off') && !given('warn') ? 'error' : 'warn'
}
