/** The addon: what Node's own API cannot do. Loaded at its first use, so that nothing else needs it. */
import { loadBinary } from './load-binary.js'

/** 0 or more: done, often a descriptor. Less: the negative errno. */
export type Result = number

/** A connection attempt that is under way: only cancelConnect() takes it. */
export interface Connecting {
  readonly _: unique symbol
}

export interface Native {
  /** A non-blocking AF_VSOCK stream socket; a peer may send `window` bytes before they are read. */
  vsockSocket(window: number): Result
  vsockBind(fd: number, cid: number, port: number): Result
  /** net.core.somaxconn caps `backlog`. */
  vsockListen(fd: number, backlog: number): Result
  /**
   * Takes `fd` over, and closes it in the end: whoever wants the connection has duplicated it before. Calls `done`
   * once, in a later turn, with 0 or the negative errno of SO_ERROR. `timeout`: milliseconds until the kernel gives up
   * with ETIMEDOUT.
   */
  vsockConnect(
    fd: number,
    cid: number,
    port: number,
    timeout: number,
    done: (result: Result) => void,
  ): Connecting | Result
  /** `done` will not be called. Without effect after it was. */
  cancelConnect(connecting: Connecting): void
  /** CID and port of the other end. */
  vsockPeer(fd: number): readonly [cid: number, port: number] | Result
  /** CID and port of this end. */
  vsockName(fd: number): readonly [cid: number, port: number] | Result
  /** The CID of this machine, by /dev/vsock. */
  vsockLocalCid(): Result
  /** A non-blocking pair of AF_UNIX sockets. */
  socketPair(): readonly [number, number] | Result
  /** A bound AF_UNIX socket with an abstract name of the kernel's choice. */
  unixSocket(): Result
  dup3(from: number, to: number): Result
  close(fd: number): Result
  /**
   * The NSM driver's one ioctl, on the thread pool; `done` gets the response cut to its length, or the negative
   * errno: EMSGSIZE for a request of more than 0x1000 bytes.
   */
  nsmRequest(fd: number, request: Uint8Array, done: (result: Result | Uint8Array) => void): Result
  /** RNDADDENTROPY: mixes `bytes` into the kernel's pool and credits 8 bits for each. */
  addEntropy(fd: number, bytes: Uint8Array): Result
}

let loaded: { readonly native: Native } | { readonly reason: Error } | undefined

/** @throws Error with one sentence: what is missing, and why. The same one every time. */
export function loadNative(): Native {
  loaded ??= load()
  if ('reason' in loaded) throw loaded.reason
  return loaded.native
}

function load(): { readonly native: Native } | { readonly reason: Error } {
  try {
    if (process.platform !== 'linux') throw new Error(`only Linux has AF_VSOCK and /dev/nsm`)
    return { native: loadBinary() as Native }
  } catch (error) {
    const [cause] = String((error as Error).message).split('\n', 1)
    return {
      reason: new Error(`the native addon of nitro-enclave-sdk is missing: ${cause}`, { cause: error }),
    }
  }
}
