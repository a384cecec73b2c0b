/** `nitro-enclave proxy status`: what a running proxy is doing, from its monitor. */
import http from 'node:http'
import { Command } from 'commander'
import { readConfig } from '../parent-proxy/config.js'
import type { ProxyStatus } from '../parent-proxy/monitor.js'
import { OperationError, UsageError } from '../shared/errors.js'
import { withoutControls } from '../shared/printable.js'
import { failureJson, reporting } from './reporting.js'
import { table } from './table.js'
import { write } from './write.js'

/** Milliseconds. */
const TIMEOUT = 5_000
const MAX_BYTES = 4 * 1024 * 1024

interface Options {
  readonly config?: string
  readonly monitor?: string
  readonly json?: boolean
}

export function proxyStatusCommand(): Command {
  return new Command('status')
    .description('Show the listeners of a running proxy: open, waiting and refused connections, bytes.')
    .option('--config <file>', "the proxy's file: its `monitor` is asked")
    .option('--monitor <host:port>', 'the address itself', undefined)
    .option('--json', 'print what the monitor answers')
    .addHelpText(
      'after',
      '\nThe proxy answers if its file has a `monitor:`, as in monitor: "127.0.0.1:9465".',
    )
    .action((options: Options) =>
      reporting('proxy status', () => show(options), options.json ? failureJson : undefined),
    )
}

async function show(options: Options): Promise<void> {
  const base = await monitorOf(options)
  const status = JSON.parse(await get(new URL('/status', base))) as ProxyStatus
  if (options.json) return write(JSON.stringify(status, null, 2))
  const { state, pid, uptime, connections, listeners } = status
  write(`${state}, pid ${pid}, up ${uptime} s, ${connections} connections open\n`)
  const heading = ['listener', 'to', 'open', 'waiting', 'accepted', 'refused', 'failed', 'up', 'down']
  write(table([heading, ...listeners.map(row)]))
}

function row(listener: ProxyStatus['listeners'][number]): readonly string[] {
  const { name, to, open, waiting, accepted, ended, bytesUp, bytesDown, draining } = listener
  const count = (...reasons: readonly (keyof typeof ended)[]) =>
    reasons.reduce((sum, reason) => sum + (ended[reason] ?? 0), 0)
  return [
    withoutControls(draining ? `${name} (draining)` : name),
    withoutControls(to ?? 'credentials'),
    String(open),
    String(waiting),
    String(accepted),
    String(count('cid-refused', 'queue-full', 'queue-timeout')),
    String(count('connect-failed', 'client-error', 'upstream-error')),
    size(bytesUp),
    size(bytesDown),
  ]
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

async function monitorOf({ config, monitor }: Options): Promise<URL> {
  if (monitor !== undefined) return toUrl(monitor)
  if (config === undefined) {
    throw new UsageError('ERR_USAGE', '--config FILE or --monitor HOST:PORT says which proxy')
  }
  const { monitor: address } = await readConfig(config)
  if (address === undefined) {
    throw new UsageError(
      'ERR_PROXY_CONFIG',
      `${config} has no monitor: add monitor: "127.0.0.1:9465", and reload`,
    )
  }
  const { host, port } = address
  return toUrl(`${host.includes(':') ? `[${host}]` : host}:${port}`)
}

function toUrl(address: string): URL {
  if (!URL.canParse(`http://${address}/`))
    throw new UsageError('ERR_USAGE', `--monitor: not HOST:PORT: ${address}`)
  return new URL(`http://${address}/`)
}

function get(url: URL): Promise<string> {
  const failed = (why: string) =>
    new OperationError('ERR_PROXY_MONITOR', `no answer from ${url.host}: ${why}. Does the proxy run there?`)
  return new Promise((resolve, reject) => {
    const request = http.get(url, { signal: AbortSignal.timeout(TIMEOUT) }, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > MAX_BYTES) request.destroy(new Error('too much of it'))
        else chunks.push(chunk)
      })
      response.on('error', (error) => reject(failed(error.message)))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString())
        else reject(failed(`HTTP status ${response.statusCode}`))
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => reject(failed(error.code ?? error.message)))
  })
}
