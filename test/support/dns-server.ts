/** A DNS server on loopback whose answers a test sets while it runs. */
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { decode, encode, type Packet, streamEncode, TRUNCATED_RESPONSE } from 'dns-packet'
import { onTestFinished } from 'vitest'

type Kind = 'A' | 'AAAA'

export interface RecordSet {
  readonly addresses: readonly string[]
  /** Seconds, default 60. */
  readonly ttl?: number
  /** Milliseconds until it is sent. */
  readonly delay?: number
  /** By UDP, nothing but the wish to be asked by TCP. */
  readonly truncated?: boolean
}

/** garbage: bytes that are no message. cut: a message without its last bytes. */
export type Reply = RecordSet | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'silence' | 'garbage' | 'cut'
type Replies = Reply | Partial<Record<Kind, Reply>>

/** RFC 1035 section 4.1.1. */
const RCODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }

export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** As they came, by UDP: `A kms.test`. */
  readonly questions: string[]
  /** From now on; a family that is left out has no records. A name that was never set does not exist. */
  set(name: string, replies: Replies): void
}

const replyOf = (replies: Replies | undefined, kind: Kind): Reply => {
  if (replies === undefined) return 'NXDOMAIN'
  if (typeof replies === 'string' || 'addresses' in replies) return replies
  return replies[kind] ?? { addresses: [] }
}

const responseTo = ({ id, questions = [] }: Packet, reply: Reply, byTcp: boolean): Packet => {
  const base = { type: 'response', ...(id !== undefined && { id }), questions } as const
  if (reply === 'silence' || reply === 'garbage' || reply === 'cut') return base
  if (typeof reply === 'string') return { ...base, flags: RCODES[reply] }
  if (reply.truncated && !byTcp) return { ...base, flags: TRUNCATED_RESPONSE }
  const { addresses, ttl = 60 } = reply
  const answers = questions.flatMap(({ name, type }) =>
    addresses.map((data) => ({ type: type as Kind, name, data, ttl })),
  )
  return { ...base, answers }
}

/** The same free port for both; another program may hold the one that TCP was given. */
const bind = async (tcp: net.Server): Promise<{ udp: dgram.Socket; port: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as net.AddressInfo
    const udp = dgram.createSocket('udp4')
    try {
      udp.bind(port, '127.0.0.1')
      await once(udp, 'listening')
      return { udp, port }
    } catch (error) {
      udp.close()
      tcp.close()
      await once(tcp, 'close')
      if (attempt === 10) throw error
    }
  }
}

export const startDnsServer = async (): Promise<DnsServer> => {
  const names = new Map<string, Replies>()
  const questions: string[] = []
  const timers = new Set<NodeJS.Timeout>()

  const read = (message: Buffer) => {
    const query = decode(message)
    const [question] = query.questions ?? []
    const kind = question?.type as Kind
    const name = question?.name.toLowerCase() ?? ''
    return { query, question: `${kind} ${name}`, reply: replyOf(names.get(name), kind) }
  }

  // One question in one segment: c-ares writes it so.
  const tcp = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const { query, reply } = read(data.subarray(2))
      socket.write(streamEncode(responseTo(query, reply, true)))
    })
  })
  const { udp, port } = await bind(tcp)
  udp.on('message', (message, sender) => {
    const { query, question, reply } = read(message)
    questions.push(question)
    if (reply === 'silence') return
    const response = encode(responseTo(query, reply, false))
    const sent = { garbage: Buffer.from('garbage'), cut: response.subarray(0, -3) }
    const bytes = reply === 'garbage' || reply === 'cut' ? sent[reply] : response
    const send = () => udp.send(bytes, sender.port, sender.address)
    if (typeof reply === 'object' && reply.delay) timers.add(setTimeout(send, reply.delay))
    else send()
  })
  onTestFinished(() => {
    for (const timer of timers) clearTimeout(timer)
    udp.close()
    tcp.close()
  })
  return {
    address: `127.0.0.1:${port}`,
    questions,
    set: (name, replies) => void names.set(name, replies),
  }
}
