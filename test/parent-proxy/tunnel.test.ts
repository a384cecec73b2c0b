import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { tunnel } from '../../parent-proxy/tunnel.js'
import { directory, ending } from './rig.js'

/** Two ends of one connection. */
const pair = async (): Promise<{ near: net.Socket; far: net.Socket }> => {
  const path = join(directory(), 's')
  const server = net.createServer({ allowHalfOpen: true }).listen(path)
  const near = net.connect({ path, allowHalfOpen: true })
  const [far]: net.Socket[] = await once(server, 'connection')
  server.close()
  onTestFinished(() => void near.destroy())
  if (far === undefined) throw new Error('no connection')
  return { near, far }
}

const options = () => {
  const controller = new AbortController()
  return { controller, onData: () => {}, halfOpenTimeout: 60_000, signal: controller.signal }
}

it.each([
  ['client-error', 0],
  ['upstream-error', 1],
] as const)('ends with %s when that socket is destroyed', async (reason, index) => {
  const client = await pair()
  const upstream = await pair()
  const running = tunnel(client.near, upstream.near, options())
  const endings = Promise.all([ending(client.far), ending(upstream.far)])
  ;[client, upstream][index]?.near.destroy()
  expect(await running).toEqual({ reason })
  await endings
})

it.each([
  ['client-error', 0],
  ['upstream-error', 1],
] as const)('ends with %s when that socket was destroyed before', async (reason, index) => {
  const client = await pair()
  const upstream = await pair()
  const gone = [client, upstream][index]?.near
  gone?.destroy()
  if (gone) await once(gone, 'close')
  expect(await tunnel(client.near, upstream.near, options())).toEqual({ reason })
  expect([client.near.closed, upstream.near.closed]).toEqual([true, true])
})

it('ends when both sockets were gone before', async () => {
  const client = await pair()
  const upstream = await pair()
  for (const { near } of [client, upstream]) {
    near.destroy()
    await once(near, 'close')
  }
  expect(await tunnel(client.near, upstream.near, options())).toEqual({ reason: 'client-error' })
})

it.each([false, true])('ends at an abort (before the start: %s)', async (before) => {
  const client = await pair()
  const upstream = await pair()
  const settings = options()
  if (before) settings.controller.abort()
  const running = tunnel(client.near, upstream.near, settings)
  if (!before) settings.controller.abort()
  expect(await running).toEqual({ reason: 'closed' })
})
