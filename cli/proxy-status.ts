/** `nitro-enclave proxy status`: what a running proxy is doing, from its monitor. */
import http from 'node:http'
import { Command } from 'commander'
import * as z from 'zod'
import { readLoopback } from '../parent-proxy/config/address.js'
import { DEFAULT_CONFIG, readConfig } from '../parent-proxy/config.js'
import type { EndReason } from '../parent-proxy/connection.js'
import { hostPort } from '../parent-proxy/names/ip-address.js'
import { OperationError, UsageError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { failureJson, reporting } from './reporting.js'
import { table } from './table.js'
import { write } from './write.js'

/** Milliseconds. */
const TIMEOUT = 5_000
const MAX_BYTES = 4 * 1024 * 1024

const count = z.number().nonnegative()

/** What is shown of an answer; a later proxy may say more. */
const statusSchema = z.looseObject({
  state: z.enum(['serving', 'draining']),
  pid: count,
  uptime: count,
  connections: count,
  listeners: z.array(
    z.looseObject({
      name: z.string(),
      to: z.string().optional(),
      open: count,
      waiting: count,
      accepted: count,
      ended: z.record(z.string(), count),
      bytesUp: count,
      bytesDown: count,
      draining: z.boolean(),
    }),
  ),
})

type Status = z.output<typeof statusSchema>

interface Options {
  readonly config?: string
  readonly monitor?: string
  readonly json?: boolean
}

export function proxyStatusCommand(): Command {
  return new Command('status')
    .description('Show the listeners of a running proxy: open, waiting and refused connections, bytes.')
    .option('--config <file>', `the proxy's file: its \`monitor\` is asked (default: "${DEFAULT_CONFIG}")`)
    .option('--monitor <host:port>', 'the address itself, on loopback')
    .option('--json', 'print what the monitor answers')
    .addHelpText(
      'after',
      '\nThe proxy answers if its file has a `monitor:`, as in monitor: "127.0.0.1:9465".',
    )
    .action((own: Options, command: Command) => {
      // `proxy --config FILE status` is the same; what stands behind `status` goes before.
      const options = { ...command.parent?.opts<Options>(), ...own }
      return reporting('proxy status', () => show(options), options.json ? failureJson : undefined)
    })
}

async function show(options: Options): Promise<void> {
  const status = await askStatus(await monitorOf(options))
  if (options.json) return write(JSON.stringify(status, null, 2))
  const { state, pid, uptime, connections, listeners } = status
  write(`${state}, pid ${pid}, up ${uptime} s, ${connections} connections open\n`)
  const heading = ['listener', 'to', 'open', 'waiting', 'accepted', 'refused', 'failed', 'up', 'down']
  write(table([heading, ...listeners.map(row)]))
}

function row(listener: Status['listeners'][number]): readonly string[] {
  const { name, to, open, waiting, accepted, ended, bytesUp, bytesDown, draining } = listener
  const sum = (...reasons: readonly EndReason[]) =>
    reasons.reduce((total, reason) => total + (ended[reason] ?? 0), 0)
  return [
    withoutControls(draining ? `${name} (draining)` : name),
    withoutControls(to ?? 'credentials'),
    String(open),
    String(waiting),
    String(accepted),
    String(sum('cid-refused', 'queue-full', 'queue-timeout')),
    String(sum('connect-failed', 'client-error', 'upstream-error')),
    size(bytesUp),
    size(bytesDown),
  ]
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

/** Throws UsageError ERR_USAGE or ERR_PROXY_CONFIG. */
export async function monitorOf({ config = DEFAULT_CONFIG, monitor }: Options): Promise<URL> {
  if (monitor !== undefined) {
    const address = readLoopback(monitor)
    if (address !== undefined && address.port > 0) return toUrl(address)
    const wanted = 'HOST:PORT with a loopback IP address, as in 127.0.0.1:9465 or [::1]:9465'
    throw new UsageError('ERR_USAGE', `--monitor: ${wanted}, not ${JSON.stringify(monitor)}`)
  }
  const { monitor: address } = await readConfig(config)
  if (address === undefined) {
    throw new UsageError(
      'ERR_PROXY_CONFIG',
      `${config} has no monitor: add monitor: "127.0.0.1:9465", and reload`,
    )
  }
  if (address.port === 0) {
    throw new UsageError(
      'ERR_PROXY_CONFIG',
      `${config} leaves the monitor's port to the system: give --monitor HOST:PORT`,
    )
  }
  return toUrl(address)
}

const toUrl = ({ host, port }: { readonly host: string; readonly port: number }): URL =>
  new URL(`http://${hostPort(host, port)}/`)

/** Throws OperationError ERR_PROXY_MONITOR. */
export async function askStatus(monitor: URL): Promise<Status> {
  const text = await get(new URL('/status', monitor))
  try {
    return statusSchema.parse(JSON.parse(text))
  } catch (error) {
    throw noMonitor(monitor, { cause: error })
  }
}

const noMonitor = ({ host }: URL, options?: ErrorOptions): OperationError =>
  new OperationError('ERR_PROXY_MONITOR', `${host} answered, but it is no proxy's monitor`, options)

function get(url: URL): Promise<string> {
  const failed = (why: string) =>
    new OperationError('ERR_PROXY_MONITOR', `no answer from ${url.host}: ${why}. Does the proxy run there?`)
  return new Promise((resolve, reject) => {
    const request = http.get(url, { signal: AbortSignal.timeout(TIMEOUT) }, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= MAX_BYTES) return void chunks.push(chunk)
        reject(noMonitor(url))
        request.destroy()
      })
      response.on('error', (error) => reject(failed(error.message)))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString())
        else reject(noMonitor(url, { cause: new Error(`HTTP status ${response.statusCode}`) }))
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => reject(failed(error.code ?? error.message)))
  })
}
