/** A conversation on the enclave's control port, cut anywhere: an answer a line, and no secret in any of them. */
import { EventEmitter } from 'node:events'
import type net from 'node:net'
import { serve } from '../../../enclave/service.js'
import { MAX_MESSAGE_LENGTH } from '../../../shared/messages.js'
import { chunksOf } from '../chunks.js'
import { anyRequest, REQUESTS, WORDS } from '../message-seeds.js'
import { Peer } from '../peer.js'
import { broken, type Target } from '../target.js'

const uncut = (stream: string) => Uint8Array.of(0, ...Buffer.from(stream))

const server = new EventEmitter()
let secrets: string[] = []
serve(server as net.Server, {
  generateRandom: async ({ numberOfBytes }) => new Uint8Array(numberOfBytes),
  status: async () => ({
    moduleId: 'i-0-enc0',
    pcrs: {},
    region: 'eu-west-1',
    kmsHost: 'kms.eu-west-1.amazonaws.com',
    parent: { cid: 3, port: 8000 },
    calls: 0,
    residentMemory: 0,
  }),
  setCredentials: ({ secretAccessKey, sessionToken = '' }) =>
    void secrets.push(secretAccessKey, sessionToken),
})

export const target: Target = {
  maxLength: 3 * MAX_MESSAGE_LENGTH,
  seeds: () => [
    uncut(`${REQUESTS.join('\n')}\n`),
    uncut(REQUESTS.join('\n')),
    Uint8Array.of(3, 5, 200, 1, ...Buffer.from(`${REQUESTS.join('\n')}\n\n`)),
    uncut('x'.repeat(MAX_MESSAGE_LENGTH + 1)),
    uncut(''),
  ],
  arbitrary: anyRequest.map((request) => uncut(`${request}\n${request}\n`)),
  dictionary: WORDS,
  refusals: [],
  run: async (input) => {
    const { stream, chunks } = chunksOf(input)
    secrets = []
    const peer = new Peer(chunks)
    const closed = new Promise((resolve) => peer.on('close', resolve))
    server.emit('connection', peer)
    await closed
    const answers = peer.answers.toString('utf8')
    const lines = answers.split('\n')
    if (lines.pop() !== '') broken('every answer is a whole line')
    if (lines.length !== expectedAnswers(stream))
      broken('as many answers as requests, the one too long included')
    for (const line of lines) {
      const { ok } = JSON.parse(line) as { ok: unknown }
      if (typeof ok !== 'boolean') broken('an answer is a yes or a no')
    }
    // Short ones stand in any text.
    if (secrets.some((secret) => secret.length > 12 && answers.includes(secret)))
      broken('no secret comes back')
  },
}

/** A line too long ends the conversation, behind the answers to those before it. */
function expectedAnswers(stream: Uint8Array): number {
  const lines: number[] = []
  let at = 0
  for (let end = stream.indexOf(0x0a); end !== -1; end = stream.indexOf(0x0a, at)) {
    lines.push(end - at)
    at = end + 1
  }
  if (at < stream.length) lines.push(stream.length - at)
  const long = lines.findIndex((length) => length > MAX_MESSAGE_LENGTH)
  return long === -1 ? lines.length : long + 1
}
