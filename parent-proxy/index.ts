/** The parent's proxy as a library: what `nitro-enclave proxy` runs. */
export type { AllowlistEntry, Target } from './allowlist.js'
export { type ProxyConfig, parseConfig, readConfig } from './config.js'
export type { ConnectionSummary, EndReason } from './connection.js'
export type { CredentialsConfig } from './credentials/config.js'
export type { ListenerStatus } from './listener.js'
export type { ProxyEvent, ProxyObserver } from './observer.js'
export type {
  CredentialsListenerOptions,
  ListenerOptions,
  ProxyOptions,
  TunnelListenerOptions,
} from './options.js'
export { type ParentProxy, type ProxyDependencies, startProxy } from './proxy.js'
export {
  type AddressPreference,
  type DnsOptions,
  dnsResolver,
  type Endpoint,
  type Resolver,
} from './resolver.js'
export type { Direction } from './tunnel.js'
export type { TapRecord } from './tunnel-route.js'
