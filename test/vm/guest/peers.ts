/** In the enclave's guest: the other machines, over virtio's AF_VSOCK. */
import { expect, it } from 'vitest'
import { connect, listen, localCid } from '../../../shared/vsock/index.js'
import { closing, payload } from '../../support/vsock-conformance-bench.js'
import { echo, echoed } from './echo.js'
import { answerLines, ask, askOnceUp, BYE, brief } from './lines.js'
import {
  ENCLAVE_CID,
  ENCLAVE_ECHO_PORT,
  ENCLAVE_PORT,
  GUEST_PIECE,
  HOST,
  HOST_ECHO,
  PARENT,
  PARENT_ECHO,
  SILENT_PORT,
} from './meeting.js'

const MIB = 1024 * 1024
/** Between guests vhost-device-vsock 0.3 passes 3,500 bytes on at once, and stalls for ever at 3,776. */
const SIBLING_PIECE = 3_000

export function parentPeer(): void {
  it('sees the CID that the enclave knows as its own', async () => {
    expect(localCid()).toBe(ENCLAVE_CID)
    expect(await askOnceUp(PARENT, 'hello')).toBe(`${ENCLAVE_CID} hello`)
  })

  it('resets a connection to a port on which it does not listen', async () => {
    const error = await closing(connect({ ...PARENT, port: SILENT_PORT }))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
  })

  it('sends back 100 pieces', async () => {
    const { bytes, sum } = payload(100 * SIBLING_PIECE)
    expect(await echoed(PARENT_ECHO, bytes, SIBLING_PIECE)).toEqual(sum)
  })

  it('answers 50 connections at once', async () => {
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`)
    const answers = await Promise.all(lines.map((line) => ask(PARENT, line)))
    expect(answers).toEqual(lines.map((line) => `${ENCLAVE_CID} ${line}`))
  })

  it('says bye', async () => {
    expect(await ask(PARENT, BYE)).toBe(`${ENCLAVE_CID} ${BYE}`)
  })
}

export function hostPeer(): void {
  it('hears the enclave on CID 2', async () => {
    expect(await askOnceUp(HOST, 'hello')).toBe('host hello')
  })

  it('leaves a connection to a port on which it does not listen unanswered, until the time is up', async () => {
    const began = performance.now()
    const error = await closing(connect({ ...HOST, port: SILENT_PORT, timeout: 500 }))
    expect(error).toMatchObject({ code: 'ETIMEDOUT' })
    expect(performance.now() - began).toBeGreaterThan(490)
  })

  it('sends back 1 MiB', async () => {
    const { bytes, sum } = payload(MIB)
    expect(await echoed(HOST_ECHO, bytes, GUEST_PIECE)).toEqual(sum)
  })

  it('reaches the enclave, and is answered until it says bye', async () => {
    const echoing = await listen({ port: ENCLAVE_ECHO_PORT })
    echo(echoing)
    const server = await listen({ port: ENCLAVE_PORT })
    await answerLines(server, (line) => `enclave ${brief(line)}`)
    server.close()
    echoing.close()
  })
}
