/** The parent's side: enclaves dial vsock ports, each leads to one allowed endpoint. Many listeners, one account. */
import { UsageError } from '../shared/errors.js'
import { createAdmission, type SharedLimits } from './admission.js'
import { createAllowlist } from './allowlist.js'
import { connectionDescriptors } from './descriptors.js'
import { added, type Listener, type ListenerStatus, startListener } from './listener.js'
import { guarded, type ProxyObserver } from './observer.js'
import { checkOptions, listenerName, type ProxyOptions } from './options.js'
import type { Resolver } from './resolver.js'
import { createRoutes } from './routes.js'

export interface ProxyDependencies {
  /** In place of DNS; it may fail or never settle: one connection ends, no more. */
  readonly resolver?: Resolver | undefined
  readonly observer?: ProxyObserver | undefined
  /** File descriptors for listeners and connections, two for each that is open; by default what may be opened, less 64. */
  readonly descriptors?: number | undefined
}

export interface ParentProxy {
  /** Those that have stopped and still have connections, too. */
  readonly listeners: readonly ListenerStatus[]
  /** Open now, those still connecting included. */
  readonly connections: number
  /** From and to enclaves since the start. */
  readonly bytesUp: number
  readonly bytesDown: number
  /**
   * Takes other options without ending a connection: listeners that are new begin; those of the same name go on where
   * they listen, and the connections that come are treated by what is new; the rest stop, and end with their last
   * connection. Throws as startProxy: then nothing has changed.
   */
  reload(options: ProxyOptions): Promise<void>
  /** Stops listening; resolves when nothing is open, after `timeout` ms at the latest, to how many had to be cut. */
  drain(timeout: number): Promise<number>
  /** Stops listening, ends what is open; resolves when every socket is gone. */
  close(): Promise<void>
}

/** Throws UsageError ERR_PROXY_CONFIG where the listeners leave no descriptors for connections. */
const sharedLimits = (options: ProxyOptions, all: number): SharedLimits => {
  const { maxConnections, maxConnectionsPerCid, listeners } = options
  const descriptors = all - listeners.length
  if (descriptors < 2) {
    throw new UsageError(
      'ERR_PROXY_CONFIG',
      `no file descriptors are left for connections beside ${listeners.length} listeners: ` +
        'raise the limit (ulimit -n, LimitNOFILE)',
    )
  }
  return {
    maxConnections: maxConnections ?? Number.POSITIVE_INFINITY,
    maxConnectionsPerCid: maxConnectionsPerCid ?? Number.POSITIVE_INFINITY,
    descriptors,
  }
}

/** @throws UsageError ERR_PROXY_CONFIG; what listen() throws: then nothing listens */
export const startProxy = async (
  options: ProxyOptions,
  dependencies: ProxyDependencies = {},
): Promise<ParentProxy> => {
  const { resolver, observer = {}, descriptors = connectionDescriptors() } = dependencies
  const { onConnection, onEvent } = guarded(observer)
  const admission = createAdmission(sharedLimits(options, descriptors))
  const routes = createRoutes(resolver, onEvent)
  const current = new Map<string, Listener>()
  const retired = new Set<Listener>()
  /** What listeners of a name carried that are gone. */
  const past = new Map<string, ListenerStatus>()
  let serving: ProxyOptions = { allowlist: [], listeners: [] }
  let ending = false

  const retire = async (listener: Listener): Promise<void> => {
    current.delete(listener.name)
    retired.add(listener)
    onEvent({ type: 'stopped', listener: listener.name })
    await listener.stop()
    retired.delete(listener)
    past.set(listener.name, added(listener.status(), past.get(listener.name)))
  }

  const apply = async (next: ProxyOptions): Promise<void> => {
    if (ending) throw new UsageError('ERR_PROXY_CONFIG', 'the proxy is ending')
    checkOptions(next)
    const limits = sharedLimits(next, descriptors)
    const allowlist = createAllowlist(next.allowlist)
    for (const listener of next.listeners) if ('to' in listener) allowlist.check(listener.to)
    const planned = next.listeners.map((listener) => ({
      name: listenerName(listener),
      address: listener.listen,
      settings: routes.settings(listener, allowlist, next.dns),
    }))
    const begun = new Map<string, Listener>()
    try {
      for (const { name, address, settings } of planned) {
        if (current.has(name)) continue
        const onError = (error: Error) => onEvent({ type: 'accept-failed', listener: name, error })
        begun.set(name, await startListener(name, address, settings, admission, { onConnection, onError }))
      }
    } catch (error) {
      for (const listener of begun.values()) {
        listener.cut()
        await listener.stop()
      }
      routes.serve(serving.listeners, serving.dns)
      throw error
    }
    const names = new Set(planned.map(({ name }) => name))
    for (const listener of [...current.values()]) if (!names.has(listener.name)) void retire(listener)
    admission.limit(limits)
    for (const { name, settings } of planned) {
      const { to } = settings.route
      if (begun.has(name)) onEvent({ type: 'listening', listener: name, ...(to !== undefined && { to }) })
      else current.get(name)?.update(settings)
    }
    for (const [name, listener] of begun) current.set(name, listener)
    serving = next
    routes.serve(next.listeners, next.dns)
  }

  /** One after the other. */
  let last: Promise<void> = Promise.resolve()
  const reload = (next: ProxyOptions): Promise<void> => {
    const turn = last.then(() => apply(next))
    last = turn.catch(() => {})
    return turn
  }

  const all = () => [...current.values(), ...retired]

  /** One a name: a listener that came again goes on with the account of the one before. */
  const statuses = (): readonly ListenerStatus[] => {
    const byName = new Map<string, ListenerStatus>()
    for (const listener of all()) {
      const { name } = listener
      byName.set(name, added(listener.status(), byName.get(name) ?? past.get(name)))
    }
    return [...byName.values()]
  }
  const total = (key: 'bytesUp' | 'bytesDown') =>
    [...all().map((listener) => listener.status()), ...past.values()].reduce((sum, one) => sum + one[key], 0)

  const stop = async (): Promise<void> => {
    ending = true
    await last
    const before = [...retired].map((listener) => listener.stop())
    await Promise.all([...before, ...[...current.values()].map(retire)])
    routes.serve([], {})
  }

  let left = 0
  const cut = (): void => {
    left += admission.open
    for (const listener of all()) listener.cut()
  }

  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const stopped = stop()
    // The listeners have stopped by then.
    await last
    cut()
    await stopped
  }

  await reload(options)
  return {
    get listeners() {
      return statuses()
    },
    get connections() {
      return admission.open
    },
    get bytesUp() {
      return total('bytesUp')
    },
    get bytesDown() {
      return total('bytesDown')
    },
    reload,
    drain: async (timeout) => {
      const deadline = setTimeout(cut, timeout)
      await stop()
      clearTimeout(deadline)
      return left
    },
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
