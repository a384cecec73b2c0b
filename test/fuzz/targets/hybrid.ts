/** A VMM's answer to CONNECT, and what the guest sends behind it, cut anywhere: nothing is lost, nothing is let through. */
import net from 'node:net'
import { hybridTransport } from '../../../shared/vsock/hybrid.js'
import { chunksOf } from '../chunks.js'
import { Peer } from '../peer.js'
import { broken, type Target } from '../target.js'

let peer = new Peer([])
// The product connects by this very property; here its peer is the input.
Object.assign(net, { connect: () => peer })

const text = (...parts: readonly string[]) => parts.map((part) => new Uint8Array(Buffer.from(part, 'latin1')))
const uncut = (stream: string) => Uint8Array.of(0, ...Buffer.from(stream, 'latin1'))

export const target: Target = {
  maxLength: 512,
  seeds: () => [
    uncut('OK 1073741824\nhello'),
    uncut(''),
    uncut('OK 1'),
    Uint8Array.of(2, 3, 9, ...Buffer.from('OK 4294967295\n\n')),
  ],
  dictionary: text('OK ', '\n', '0', '4294967295', 'OK 1\n', '\r\n', '\0', 'CONNECT 5\n'),
  refusals: [],
  run: async (input) => {
    const { stream, chunks } = chunksOf(input)
    peer = new Peer(chunks)
    const { connected, received, error } = await conversation()
    const given = Buffer.from(stream).toString('latin1')
    const answer = /^OK [0-9]{1,10}\n/.exec(given)?.[0]
    if (connected !== (answer !== undefined)) broken('connected is who was told OK')
    const expected = answer === undefined ? (given === '' ? 'ECONNRESET' : 'EPROTO') : undefined
    if (error !== expected) broken(`the error is ${expected}, not ${error}`)
    if (received !== given.slice(answer?.length ?? given.length))
      broken('every byte behind the answer is the guest’s')
    if (peer.answers.toString('latin1') !== 'CONNECT 5\n') broken('nothing but the command is sent')
  },
}

interface Conversation {
  readonly connected: boolean
  readonly received: string
  readonly error: string | undefined
}

function conversation(): Promise<Conversation> {
  const socket = hybridTransport('/nowhere').connect(
    { cid: 3, port: 5 },
    { allowHalfOpen: false, timeout: 0 },
  )
  return new Promise((resolve) => {
    let connected = false
    let received = ''
    let error: string | undefined
    socket.on('connect', () => {
      connected = true
    })
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code
    })
    socket.on('close', () => resolve({ connected, received, error }))
  })
}
