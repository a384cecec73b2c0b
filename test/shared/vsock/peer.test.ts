import net from 'node:net'
import { expect, it } from 'vitest'
import { peerAddress } from '../../../shared/vsock/index.js'
import { recordPeer } from '../../../shared/vsock/peer.js'

it('the peer of a socket is the one that its transport knows, and of another socket none', () => {
  const socket = new net.Socket()
  recordPeer(socket, { cid: 16, port: 1_024 })
  expect(peerAddress(socket)).toEqual({ cid: 16, port: 1_024 })
  expect(peerAddress(new net.Socket())).toBeUndefined()
})
