/** Who is at the other end of an accepted connection. */
import type net from 'node:net'
import type { VsockAddress } from './address.js'

const peers = new WeakMap<net.Socket, VsockAddress>()

/** For transports that know: the kernel's. */
export const recordPeer = (socket: net.Socket, peer: VsockAddress): void => {
  peers.set(socket, peer)
}

/**
 * CID and port of the peer of a socket that a server on the kernel's transport has accepted; the kernel vouches for
 * them. Undefined on any other socket: Unix and hybrid transports know no CID. Under TLS ask with the socket below it.
 */
export const peerAddress = (socket: net.Socket): VsockAddress | undefined => peers.get(socket)
