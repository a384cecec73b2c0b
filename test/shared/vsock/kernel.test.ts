import cluster from 'node:cluster'
import { once } from 'node:events'
import net from 'node:net'
import { constants } from 'node:os'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Native } from '../../../native/index.js'
import { listenKernel } from '../../../shared/vsock/kernel-server.js'
import { connectKernel } from '../../../shared/vsock/kernel-socket.js'

// What no guest provokes. All else of the kernel's transport is tested there, on real sockets.

const { EADDRINUSE, EMFILE } = constants.errno
const VSOCK = 1_000_000

const fakeNative = (answers: Partial<Native>) => {
  const close = vi.fn(() => 0)
  return { native: { ...answers, close } as unknown as Native, close }
}

it('reports that there are no descriptors left by the socket, and closes the one it was given', async () => {
  const { native, close } = fakeNative({ socketPair: () => -EMFILE })
  const destination = { cid: 3, port: 1, address: 'vsock:3:1' }
  const socket = connectKernel(native, VSOCK, destination, { allowHalfOpen: false, timeout: 1_000 })
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'EMFILE', syscall: 'socket', address: 'vsock:3:1' })
  expect(close.mock.calls).toEqual([[VSOCK]])
})

it('listens in no cluster worker, whose primary would open another descriptor', async () => {
  const { native, close } = fakeNative({ vsockBind: () => -EADDRINUSE })
  const { isWorker } = cluster
  Object.assign(cluster, { isWorker: true })
  onTestFinished(() => void Object.assign(cluster, { isWorker }))
  const listening = listenKernel(native, VSOCK, net.createServer(), { cid: 3, port: 1 }, 1)
  await expect(listening).rejects.toMatchObject({ code: 'ERR_VSOCK_UNAVAILABLE' })
  expect(close.mock.calls).toEqual([[VSOCK]])
})

it('closes the descriptor of a server that cannot be bound', async () => {
  const { native, close } = fakeNative({ vsockBind: () => -EADDRINUSE })
  const listening = listenKernel(native, VSOCK, net.createServer(), { cid: 3, port: 1 }, 1)
  await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', address: 'vsock:3:1' })
  expect(close.mock.calls).toEqual([[VSOCK]])
})
