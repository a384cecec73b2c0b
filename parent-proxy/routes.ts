/** From a listener's options to where its connections go; what outlives a reload is kept: last good names, credentials. */
import type { Allowlist } from './allowlist.js'
import type { Route } from './connection.js'
import { type CredentialsServer, createCredentialsServer } from './credentials/server.js'
import { credentialsRoute } from './credentials-route.js'
import type { ListenerSettings } from './listener.js'
import type { ProxyEvent } from './observer.js'
import {
  type CredentialsListenerOptions,
  DEFAULTS,
  type ListenerOptions,
  listenerName,
  type ProxyOptions,
  type TunnelListenerOptions,
} from './options.js'
import { type DnsOptions, dnsResolver, type Resolver } from './resolver.js'
import { tunnelRoute } from './tunnel-route.js'

export interface Routes {
  settings(listener: ListenerOptions, allowlist: Allowlist, dns: ProxyOptions['dns']): ListenerSettings
  /**
   * Ends what none of these listeners uses any more, and asks for their names before the first connection does: one that
   * cannot be resolved is reported, no more.
   */
  serve(listeners: readonly ListenerOptions[], dns: ProxyOptions['dns']): void
}

export const createRoutes = (
  injected: Resolver | undefined,
  onEvent: (event: ProxyEvent) => void,
): Routes => {
  const resolvers = new Map<string, Resolver>()
  const servers = new Map<string, CredentialsServer>()

  const dnsKey = ({ servers: asked, ttl, prefer }: DnsOptions): string => JSON.stringify([asked, ttl, prefer])

  const resolver = (options: DnsOptions): Resolver => {
    if (injected !== undefined) return injected
    const key = dnsKey(options)
    const known = resolvers.get(key)
    if (known !== undefined) return known
    const made = dnsResolver({
      ...options,
      onFailure: (failure) => onEvent({ type: 'dns-failed', ...failure }),
    })
    resolvers.set(key, made)
    return made
  }

  const serverKey = (listener: CredentialsListenerOptions): string =>
    `${listenerName(listener)} ${JSON.stringify(listener.credentials)}`

  const credentials = (listener: CredentialsListenerOptions): Route => {
    const key = serverKey(listener)
    const known = servers.get(key)
    if (known !== undefined) return credentialsRoute(known)
    const name = listenerName(listener)
    const server = createCredentialsServer(listener.credentials, {
      onEvent: (event) => onEvent({ ...event, listener: name }),
    })
    servers.set(key, server)
    return credentialsRoute(server)
  }

  const tunnel = (listener: TunnelListenerOptions, allowlist: Allowlist, dns: ProxyOptions['dns']): Route => {
    const { to, tap, connectTimeout = DEFAULTS.connectTimeout, idleTimeout = DEFAULTS.idleTimeout } = listener
    const { halfOpenTimeout = DEFAULTS.halfOpenTimeout } = listener
    const { permits } = allowlist
    const names = resolver({ ...dns, ...listener.dns })
    return tunnelRoute({ to, resolver: names, permits, connectTimeout, idleTimeout, halfOpenTimeout, tap })
  }

  return {
    settings: (listener, allowlist, dns) => ({
      cid: listener.cid,
      from: listener.from,
      maxConnections: listener.maxConnections ?? DEFAULTS.maxConnections,
      maxConnectionsPerCid: listener.maxConnectionsPerCid ?? Number.POSITIVE_INFINITY,
      queue: listener.queue ?? DEFAULTS.queue,
      queueTimeout: ('to' in listener ? listener.connectTimeout : undefined) ?? DEFAULTS.connectTimeout,
      route: 'to' in listener ? tunnel(listener, allowlist, dns) : credentials(listener),
    }),
    serve: (listeners, dns) => {
      const used = new Set(listeners.map((one) => ('to' in one ? undefined : serverKey(one))))
      for (const [key, server] of servers) {
        if (used.has(key)) continue
        servers.delete(key)
        server.close()
      }
      if (injected !== undefined) return
      const asked = new Set<string>()
      for (const one of listeners) {
        if (!('to' in one)) continue
        const options = { ...dns, ...one.dns }
        asked.add(dnsKey(options))
        resolver(options)(one.to.host, one.to.port).catch(() => {})
      }
      for (const key of resolvers.keys()) if (!asked.has(key)) resolvers.delete(key)
    },
  }
}
