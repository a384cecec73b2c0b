/** The proxy as a service: its log, its monitor, and what signals do to it. */
import type { Logger } from 'pino'
import { errorFields, type LogLevel, logObserver } from './log.js'
import { createMetrics } from './metrics.js'
import { type Monitor, type MonitorAddress, startMonitor } from './monitor.js'
import { observers } from './observer.js'
import type { ProxyOptions } from './options.js'
import { startProxy } from './proxy.js'

export interface ServiceOptions extends ProxyOptions {
  /** Milliseconds that open connections have to end after SIGTERM. */
  readonly drainTimeout: number
  readonly monitor?: MonitorAddress | undefined
  readonly log: { readonly level: LogLevel }
}

export interface Service {
  /** Takes new options; logged, also when they are refused and the old ones stay. Never rejects. */
  reload(read: () => Promise<ServiceOptions>): Promise<void>
  /** Stops listening and waits for what is open; called again, waits no longer. */
  end(why: string): void
  /** Resolves when all is over. */
  readonly ended: Promise<void>
}

/** @throws what startProxy and startMonitor throw: then nothing listens. */
export const startService = async (initial: ServiceOptions, logger: Logger): Promise<Service> => {
  let options = initial
  let draining = false
  const metrics = createMetrics(() => proxy.listeners)
  const observer = observers(logObserver(logger), metrics.observer)
  const proxy = await startProxy(initial, { observer })

  const openMonitor = async ({ monitor: address }: ServiceOptions): Promise<Monitor | undefined> => {
    if (address === undefined) return undefined
    const opened = await startMonitor(address, () => ({ metrics, proxy, draining }))
    logger.info({ host: address.host, port: opened.port }, 'monitor: /health, /metrics, /status')
    return opened
  }

  let monitor: Monitor | undefined
  try {
    monitor = await openMonitor(initial)
  } catch (error) {
    await proxy.close()
    throw error
  }

  const apply = async (read: () => Promise<ServiceOptions>): Promise<void> => {
    if (draining) return
    try {
      const next = await read()
      const moves = JSON.stringify(next.monitor) !== JSON.stringify(options.monitor)
      const moved = moves ? await openMonitor(next) : undefined
      try {
        await proxy.reload(next)
      } catch (error) {
        await moved?.close()
        throw error
      }
      if (moves) {
        await monitor?.close()
        monitor = moved
      }
      options = next
      logger.level = next.log.level
      logger.info({ listeners: next.listeners.length }, 'reloaded')
      metrics.countReload(true)
    } catch (error) {
      logger.error(errorFields(error as Error), 'not reloaded: the options before stay')
      metrics.countReload(false)
    }
  }

  /** One after the other. */
  let last: Promise<void> = Promise.resolve()
  const reload = (read: () => Promise<ServiceOptions>): Promise<void> => {
    last = last.then(() => apply(read))
    return last
  }

  logger.info({ listeners: initial.listeners.length }, 'serving')
  let finish: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  const drain = async (why: string): Promise<void> => {
    const { drainTimeout } = options
    logger.info({ why, connections: proxy.connections, drainTimeout }, 'draining')
    const cut = await proxy.drain(drainTimeout)
    await last
    await monitor?.close()
    logger.info({ cut }, 'ended')
    finish()
  }
  return {
    reload,
    end: (why) => {
      if (draining) {
        logger.warn({ why, connections: proxy.connections }, 'ending at once')
        void proxy.close()
        return
      }
      draining = true
      void drain(why)
    },
    ended,
  }
}
