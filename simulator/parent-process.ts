/** The parent instance of a simulation, a process of its own: the real proxy, with the way to KMS and a tap injected. */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ParentProxy, startProxy } from '../parent-proxy/proxy.js'
import type { TapRecord } from '../parent-proxy/tunnel-route.js'
import { PARENT_CID, unixTransport } from '../shared/vsock/index.js'
import { serveParent } from './child.js'
import { TraceWriter } from './trace.js'

export interface ParentStart {
  readonly directory: string
  readonly port: number
  readonly host: string
  /** Where it serves the role's credentials, and the file that they stand in. */
  readonly credentials: { readonly port: number; readonly path: string }
  /** Of the simulated KMS. */
  readonly socket: string
  /** Where to keep what is forwarded; nothing is kept without. */
  readonly trace?: string
}

/** The listener whose bytes go to KMS. */
const TUNNEL = 'KMS'

/** What the parent saw of the conversation with KMS. */
export interface ParentAccount {
  readonly bytesUp: number
  readonly bytesDown: number
}

let proxy: ParentProxy | undefined
let trace: TraceWriter | undefined
let folder: string | undefined

async function start(options: ParentStart): Promise<void> {
  const { directory, port, host, socket, credentials, trace: path } = options
  folder = directory
  const transport = unixTransport(directory)
  const target = { host, port: 443 }
  const writer = path === undefined ? undefined : new TraceWriter(path)
  trace = writer
  proxy = await startProxy(
    {
      allowlist: [{ address: host, port: 443 }],
      listeners: [
        {
          name: TUNNEL,
          listen: { cid: PARENT_CID, port, transport },
          to: target,
          ...(writer && { tap: (record: TapRecord) => writer.write(record) }),
        },
        {
          listen: { cid: PARENT_CID, port: credentials.port, transport },
          credentials: { source: 'file', path: credentials.path },
        },
      ],
    },
    { resolver: async () => [{ path: socket }] },
  )
}

function account(): ParentAccount {
  const { bytesUp = 0, bytesDown = 0 } = proxy?.listeners.find(({ name }) => name === TUNNEL) ?? {}
  return { bytesUp, bytesDown }
}

/** The account when no connection is left, or after two seconds. */
async function finalAccount(): Promise<ParentAccount> {
  const deadline = Date.now() + 2_000
  while ((proxy?.connections ?? 0) > 0 && Date.now() < deadline) await sleep(5)
  return account()
}

serveParent({ start, account, finalAccount }, async () => {
  await proxy?.close()
  trace?.close()
  // A process that ends without closing its simulation leaves nothing behind either, credentials least of all.
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})
