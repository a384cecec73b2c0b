import { expect, it } from 'vitest'
import type { ListenerStatus } from '../../parent-proxy/listener.js'
import { createMetrics } from '../../parent-proxy/metrics.js'
import { OperationError } from '../../shared/errors.js'

const LISTENER = 'vsock:ANY:8000'

const status: ListenerStatus = {
  name: LISTENER,
  to: 'kms.test:443',
  open: 3,
  waiting: 2,
  accepted: 10,
  ended: { ended: 4, 'queue-full': 1 },
  bytesUp: 100,
  bytesDown: 200,
  draining: false,
}

/** Lines of our own metrics, without buckets. */
const lines = async ({ registry }: ReturnType<typeof createMetrics>): Promise<readonly string[]> =>
  (await registry.metrics()).split('\n').filter((line) => /^nitro_proxy_/.test(line) && !/_bucket/.test(line))

it('shows the state of listeners as it is at the scrape, however often it is scraped', async () => {
  const metrics = createMetrics(() => [status])
  await lines(metrics)
  expect(await lines(metrics)).toEqual([
    `nitro_proxy_connections{listener="${LISTENER}"} 3`,
    `nitro_proxy_connections_waiting{listener="${LISTENER}"} 2`,
    `nitro_proxy_connections_accepted_total{listener="${LISTENER}"} 10`,
    `nitro_proxy_connections_ended_total{listener="${LISTENER}",reason="ended"} 4`,
    `nitro_proxy_connections_ended_total{listener="${LISTENER}",reason="queue-full"} 1`,
    `nitro_proxy_bytes_total{listener="${LISTENER}",direction="up"} 100`,
    `nitro_proxy_bytes_total{listener="${LISTENER}",direction="down"} 200`,
  ])
})

it('forgets a listener that is gone', async () => {
  let statuses = [status]
  const metrics = createMetrics(() => statuses)
  await lines(metrics)
  statuses = []
  expect(await lines(metrics)).toEqual([])
})

it('counts what happens', async () => {
  const metrics = createMetrics(() => [])
  const { onConnection, onEvent } = metrics.observer
  const summary = { listener: LISTENER, connection: 1, bytesUp: 0, bytesDown: 0, reason: 'ended' } as const
  onConnection({ ...summary, duration: 250 })
  onConnection({ ...summary, duration: 1_750 })
  const error = new OperationError('ERR_CREDENTIALS', 'none')
  onEvent({ type: 'dns-failed', host: 'kms.test', error, stale: true })
  onEvent({ type: 'credentials-failed', listener: LISTENER, source: 'imds', error })
  const expiration = new Date(1_800_000_000_000)
  onEvent({ type: 'credentials-refreshed', listener: LISTENER, source: 'imds', expiration })
  onEvent({ type: 'stopped', listener: LISTENER })
  metrics.countReload(true)
  metrics.countReload(false)
  expect(await lines(metrics)).toEqual([
    `nitro_proxy_connection_seconds_sum{listener="${LISTENER}"} 2`,
    `nitro_proxy_connection_seconds_count{listener="${LISTENER}"} 2`,
    'nitro_proxy_dns_failures_total{host="kms.test",stale="true"} 1',
    `nitro_proxy_credentials_refreshes_total{listener="${LISTENER}",result="failed"} 1`,
    `nitro_proxy_credentials_refreshes_total{listener="${LISTENER}",result="refreshed"} 1`,
    `nitro_proxy_credentials_expiration_seconds{listener="${LISTENER}"} 1800000000`,
    'nitro_proxy_reloads_total{result="applied"} 1',
    'nitro_proxy_reloads_total{result="refused"} 1',
  ])
})
