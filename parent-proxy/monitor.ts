/** Health, metrics and status over HTTP, on loopback only: /health, /metrics, /status. Nothing can be changed there. */
import { once } from 'node:events'
import http from 'node:http'
import { OperationError } from '../shared/errors.js'
import type { ListenerStatus } from './listener.js'
import type { Metrics } from './metrics.js'
import type { ParentProxy } from './proxy.js'

/** What `/status` answers. */
export interface ProxyStatus {
  readonly state: 'serving' | 'draining'
  readonly pid: number
  /** Seconds since the start. */
  readonly uptime: number
  readonly connections: number
  readonly listeners: readonly ListenerStatus[]
}

export interface Monitored {
  readonly metrics: Metrics
  readonly proxy: ParentProxy
  readonly draining: boolean
}

export interface Monitor {
  readonly port: number
  close(): Promise<void>
}

export interface MonitorAddress {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
}

const statusOf = ({ proxy, draining }: Monitored): ProxyStatus => ({
  state: draining ? 'draining' : 'serving',
  pid: process.pid,
  uptime: Math.round(process.uptime()),
  connections: proxy.connections,
  listeners: proxy.listeners,
})

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const json = (status: number, value: object): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})

const answer = async (path: string, monitored: Monitored): Promise<Answer> => {
  switch (path) {
    case '/health':
      return monitored.draining ? json(503, { status: 'draining' }) : json(200, { status: 'ok' })
    case '/status':
      return json(200, statusOf(monitored))
    case '/metrics': {
      const { registry } = monitored.metrics
      return { status: 200, type: registry.contentType, body: await registry.metrics() }
    }
    default:
      return json(404, { error: 'there are /health, /metrics and /status' })
  }
}

/** Throws OperationError ERR_PROXY_LISTEN with the system's error, such as EADDRINUSE. */
export const startMonitor = async (
  { host, port }: MonitorAddress,
  monitored: () => Monitored,
): Promise<Monitor> => {
  const respond = async ({ method, url = '/' }: http.IncomingMessage): Promise<Answer> => {
    if (method !== 'GET' && method !== 'HEAD') return json(405, { error: 'only GET and HEAD' })
    try {
      return await answer(url.split('?', 1)[0] ?? '/', monitored())
    } catch (error) {
      return json(500, { error: (error as Error).message })
    }
  }
  const timeouts = { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 }
  const server = http.createServer(
    { ...timeouts, connectionsCheckingInterval: 1_000 },
    async (request, response) => {
      const { status, type, body } = await respond(request)
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    },
  )
  // A failed accept is a reader less.
  server.on('error', () => {})
  // A few readers; whoever holds many connections open takes descriptors from enclaves.
  server.maxConnections = 16
  server.listen({ host, port })
  await once(server, 'listening').catch((error: Error) => {
    throw new OperationError('ERR_PROXY_LISTEN', `the monitor cannot listen: ${error.message}`, {
      cause: error,
    })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
