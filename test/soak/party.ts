/** One end of a conversation: sends its bytes, checks those that come, keeps account. */
import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf, type Conversation, HEAD_BYTES, headOf } from './conversation.js'

export interface Account {
  conversation?: Conversation
  sent: number
  received: number
  /** Bytes came that nobody had sent, or in another order. */
  wrong: boolean
  /** The other side has ended in order. */
  ended: boolean
  /** The socket's error, or what was thrown over it. */
  error?: string
}

const CHUNK = 48 * 1024
/** Milliseconds that a stalled reader reads nothing. */
const STALL = 1_500

const newAccount = (): Account => ({ sent: 0, received: 0, wrong: false, ended: false })

const watch = (socket: net.Socket, account: Account): void => {
  socket.on('end', () => {
    account.ended = true
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    account.error ??= error.code ?? error.message
  })
}

const check = (account: Account, id: number, skip: number, data: Buffer): void => {
  const expected = bytesOf(id, account.received - skip, data.length)
  if (!expected.equals(data)) account.wrong = true
  account.received += data.length
}

/** Waits for an event, or the end of the socket. */
const until = (socket: net.Socket, event: 'close' | 'drain' | 'end'): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) return resolve()
    const done = () => {
      socket.off(event, done).off('close', done)
      resolve()
    }
    socket.once(event, done).once('close', done)
  })

/** Sends `total` bytes of the stream; less if the socket breaks. */
const send = async (socket: net.Socket, account: Account, id: number, total: number): Promise<void> => {
  for (let from = 0; from < total && !socket.destroyed; ) {
    const chunk = bytesOf(id, from, Math.min(CHUNK, total - from))
    from += chunk.length
    account.sent += chunk.length
    if (!socket.write(chunk)) await until(socket, 'drain')
  }
}

const stall = async (socket: net.Socket): Promise<void> => {
  socket.pause()
  await sleep(STALL)
  socket.resume()
}

/** Resolves when the socket is gone. */
export const beClient = async (socket: net.Socket, conversation: Conversation): Promise<Account> => {
  const { id, manner, up, down } = conversation
  const account: Account = { ...newAccount(), conversation }
  watch(socket, account)
  socket.on('data', (data: Buffer) => check(account, id, 0, data))
  account.sent += HEAD_BYTES
  socket.write(headOf(conversation))
  if (manner === 'silent') {
    socket.once('end', () => socket.end())
  } else if (manner === 'client-reset') {
    await send(socket, account, id, Math.floor(up / 2))
    socket.destroy()
  } else {
    if (manner === 'client-stall') void stall(socket)
    if (manner === 'upstream-first') await until(socket, 'end')
    await send(socket, account, id, up)
    socket.end()
  }
  await until(socket, 'close')
  if (account.received > down) account.wrong = true
  return account
}

/** Answers on an accepted socket; resolves when it is gone. */
export const beUpstream = async (socket: net.Socket): Promise<Account> => {
  const account = newAccount()
  watch(socket, account)
  let head = Buffer.alloc(0)
  const answer = async (conversation: Conversation): Promise<void> => {
    const { id, manner, down } = conversation
    if (manner === 'silent') return
    if (manner === 'upstream-stall') void stall(socket)
    if (manner === 'request' && !account.ended) await until(socket, 'end')
    if (manner === 'upstream-reset') {
      await send(socket, account, id, Math.floor(down / 2))
      socket.resetAndDestroy()
      return
    }
    await send(socket, account, id, down)
    socket.end()
  }
  socket.on('data', (data: Buffer) => {
    const missing = HEAD_BYTES - head.length
    head = Buffer.concat([head, data.subarray(0, missing)])
    account.received += Math.min(missing, data.length)
    if (account.conversation === undefined && head.length === HEAD_BYTES) {
      account.conversation = JSON.parse(head.toString('latin1')) as Conversation
      answer(account.conversation).catch((error: Error) => {
        account.error ??= error.message
      })
    }
    const rest = data.subarray(missing)
    if (account.conversation !== undefined && rest.length > 0) {
      check(account, account.conversation.id, HEAD_BYTES, rest)
    }
  })
  // A client that left before it had said anything.
  socket.on('end', () => {
    if (account.conversation === undefined || account.conversation.manner === 'silent') socket.end()
  })
  await until(socket, 'close')
  return account
}
