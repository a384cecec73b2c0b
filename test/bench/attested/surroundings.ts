/** What the measured process runs on, as it reads it from a file when it starts. */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import type { AwsCredentialIdentity } from '@smithy/types'
import type { Dependencies } from '../../../enclave/application.js'
import { type NsmExchange, nsmOver } from '../../../enclave/nsm/exchange.js'
import { frame, frames } from './frames.js'

export interface Surroundings {
  /** Unix sockets. */
  readonly nsmSocket: string
  readonly parentSocket: string
  readonly region: string
  readonly credentials: AwsCredentialIdentity
  /** PEM. */
  readonly trustAnchors: readonly string[]
}

export function dependenciesFrom(file: string): Dependencies {
  const { nsmSocket, parentSocket, ...others }: Surroundings = JSON.parse(readFileSync(file, 'utf8'))
  return { ...others, nsm: nsmOver(exchangeOver(nsmSocket)), dial: () => net.connect(parentSocket) }
}

/** Bytes: more than a response has, with its frame. */
const RESPONSE_LENGTH = 16 * 1024

/**
 * In place of the device: requests in their order, over one connection. Without the streams of a socket, which an ioctl
 * does not need either.
 */
function exchangeOver(path: string): NsmExchange {
  const waiting: ((response: Uint8Array) => void)[] = []
  const read = frames((response) => waiting.shift()?.(response))
  const onread: net.OnReadOpts = {
    buffer: Buffer.alloc(RESPONSE_LENGTH),
    callback: (length, buffer) => {
      read(buffer.subarray(0, length))
      return true
    },
  }
  const socket = net.connect({ path, onread })
  return {
    exchange: (request) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        socket.write(frame(request))
      }),
    close: () => void socket.destroy(),
  }
}
