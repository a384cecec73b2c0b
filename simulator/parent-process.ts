/** The parent instance of a simulation, a process of its own: the real proxy, with the way to KMS and a tap injected. */
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
  /** Of the simulated KMS. */
  readonly socket: string
  /** Where to keep what is forwarded; nothing is kept without. */
  readonly trace?: string
}

/** What the parent saw. */
export interface ParentAccount {
  readonly bytesUp: number
  readonly bytesDown: number
}

let proxy: ParentProxy | undefined
let trace: TraceWriter | undefined

async function start({ directory, port, host, socket, trace: path }: ParentStart): Promise<void> {
  const target = { host, port: 443 }
  const writer = path === undefined ? undefined : new TraceWriter(path)
  trace = writer
  proxy = await startProxy(
    {
      allowlist: [{ address: host, port: 443 }],
      listeners: [
        {
          listen: { cid: PARENT_CID, port, transport: unixTransport(directory) },
          to: target,
          ...(writer && { tap: (record: TapRecord) => writer.write(record) }),
        },
      ],
    },
    { resolver: async () => [{ path: socket }] },
  )
}

function account(): ParentAccount {
  return { bytesUp: proxy?.bytesUp ?? 0, bytesDown: proxy?.bytesDown ?? 0 }
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
})
