import { once } from 'node:events'
import net from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createMetrics } from '../../parent-proxy/metrics.js'
import { type Monitored, startMonitor } from '../../parent-proxy/monitor.js'
import { startProxy } from '../../parent-proxy/proxy.js'

const start = async (monitored?: () => Monitored) => {
  const proxy = await startProxy({ allowlist: [], listeners: [] })
  const metrics = createMetrics(() => proxy.listeners)
  const monitor = await startMonitor(
    { host: '127.0.0.1', port: 0 },
    monitored ?? (() => ({ proxy, metrics, draining: false })),
  )
  onTestFinished(() => monitor.close())
  return monitor.port
}

it('tells of a failure of its own', async () => {
  const port = await start(() => {
    throw new Error('no account')
  })
  const answer = await fetch(`http://127.0.0.1:${port}/status`)
  expect([answer.status, await answer.json()]).toEqual([500, { error: 'no account' }])
})

it('answers again when connections that say nothing have had their time', async () => {
  const port = await start()
  const idle = Array.from({ length: 16 }, () => net.connect({ port, host: '127.0.0.1' }))
  onTestFinished(() => {
    for (const socket of idle) socket.destroy()
  })
  for (const socket of idle) {
    socket.on('error', () => {})
    socket.resume()
  }
  await Promise.all(idle.map((socket) => once(socket, 'close')))
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
})

it('names the address that somebody has already', async () => {
  const port = await start()
  const second = startMonitor({ host: '127.0.0.1', port }, () => expect.fail())
  await expect(second).rejects.toMatchObject({
    code: 'ERR_PROXY_LISTEN',
    message: expect.stringContaining('EADDRINUSE'),
  })
})
