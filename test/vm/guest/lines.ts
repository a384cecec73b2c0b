/** What the two ends of a test across machines say to each other: a line, and a line back. */
import { createHash } from 'node:crypto'
import type net from 'node:net'
import { type ConnectOptions, connect } from '../../../shared/vsock/index.js'
import { pause } from '../../support/vsock-conformance-bench.js'

/** The last line of a conversation. */
export const BYE = 'bye'

/** Milliseconds to wait for a machine that still boots. */
const PATIENCE = 60_000

/** A long line's checksum. */
export function brief(line: string): string {
  return line.length < 100 ? line : createHash('sha256').update(line).digest('hex')
}

/** Answers every line of every connection; resolves when one has said bye, and has been answered. */
export function answerLines(
  server: net.Server,
  answer: (line: string, socket: net.Socket) => string,
): Promise<void> {
  return new Promise((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => {})
      onLines(socket, (line) => {
        const text = `${answer(line, socket)}\n`
        if (line === BYE) socket.end(text, () => resolve())
        else socket.write(text)
      })
    })
  })
}

/** As ask(), but tries again while the other machine boots. */
export async function askOnceUp(to: ConnectOptions, line: string): Promise<string> {
  for (const deadline = performance.now() + PATIENCE; ; await pause(200)) {
    try {
      return await ask(to, line)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
  }
}

/** Connects, says `line`, and returns the line that comes back. */
export async function ask(to: ConnectOptions, line: string): Promise<string> {
  const socket = connect({ timeout: 5_000, ...to })
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error(`closed without an answer to ${line}`)))
      onLines(socket, resolve)
      socket.write(`${line}\n`)
    })
  } finally {
    socket.destroy()
  }
}

/** Not node:readline, whose interface throws the errors of its input where nobody catches them. */
function onLines(socket: net.Socket, hear: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) hear(line)
  })
}
