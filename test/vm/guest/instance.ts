/**
 * In the parent's guest, CID 3: our parent proxy in front of the simulated KMS, and what the parent asks two enclaves.
 * One, CID 16, has the PCR0 that the policy wants; the other, CID 17, has not.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Measurements } from '../../../image/index.js'
import type { ConnectionSummary } from '../../../parent-proxy/connection.js'
import { startProxy } from '../../../parent-proxy/proxy.js'
import type { Request, Response, Status } from '../../../shared/messages.js'
import { kernelTransportWith, listen, peerAddress, VMADDR_CID_ANY } from '../../../shared/vsock/index.js'
import { createAccount } from '../../../simulator/kms/account.js'
import { acceptUnsignedEmulatorDocuments } from '../../../simulator/kms/emulator-documents.js'
import { parsePolicy } from '../../../simulator/kms/policy/policy-document.js'
import { createKmsServer } from '../../../simulator/kms/server.js'
import type { Credentials } from '../../../simulator/kms/signature.js'
import type { TlsIdentity } from '../../../simulator/kms/tls.js'
import { answerLines, ask } from './lines.js'
import { NEWS_PORT } from './meeting.js'
import { run } from './run.js'

export interface Instance {
  readonly kms: TlsIdentity & {
    readonly host: string
    readonly region: string
    readonly credentials: Credentials
    /** IAM policy document. */
    readonly policy: unknown
  }
  /** What `eif describe` says of the image that runs as CID 16. */
  readonly measurements: Measurements
  /** And of the other. */
  readonly other: Measurements
}

const ARN = 'arn:aws:sts::123456789012:assumed-role/parent/i-0123456789abcdef0'
const ENCLAVE = { cid: 16, port: 5000 }
const OTHER = { cid: 17, port: 5000 }
const PROXY_PORT = 8000
const CREDENTIALS_PORT = 8001
const HEARTBEAT_PORT = 9000
/** The emulator's vsock passes on 3,500 bytes at once between two guests, and stalls at 3,776. */
const WINDOW = 3_072

const { kms, measurements, other } = JSON.parse(readFileSync('/test/instance.json', 'utf8')) as Instance
const account = (line: string): void => void process.stdout.write(`account: ${line}\n`)

async function request(to: typeof ENCLAVE, message: Request | object): Promise<Response> {
  return JSON.parse(await ask(to, JSON.stringify(message))) as Response
}

async function statusOf(to: typeof ENCLAVE): Promise<Status> {
  const answer = await request(to, { type: 'status' })
  if (!answer.ok || answer.status === undefined) throw new Error(JSON.stringify(answer))
  return answer.status
}

const generateRandom = { type: 'generateRandom', numberOfBytes: 32 } as const
/** What the proxy says of connections that are over. */
const carried: ConnectionSummary[] = []

/** The role's, where this instance's proxy finds them. */
function writeCredentials(): string {
  const { accessKeyId, secretAccessKey, sessionToken } = kms.credentials
  const file = '/tmp/credentials.json'
  writeFileSync(
    file,
    JSON.stringify({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: new Date(Date.now() + 3_600_000),
    }),
  )
  return file
}

/** CIDs whose init has given its sign of life. */
const alive: (number | undefined)[] = []

/** The host tells of each enclave that is up: what is sent to a CID before gets lost, and stands in its way later. */
const up = new Map(
  [ENCLAVE, OTHER].map(({ cid }) => {
    let tell = (): void => undefined
    const told = new Promise<void>((resolve) => {
      tell = resolve
    })
    return [cid, { tell, told }]
  }),
)

await run('instance', () => {
  beforeAll(async () => {
    const server = createKmsServer({
      key: kms.key,
      cert: kms.cert,
      region: kms.region,
      account: createAccount({ region: kms.region }),
      principals: [{ credentials: kms.credentials, arn: ARN, policy: parsePolicy(kms.policy) }],
      verify: acceptUnsignedEmulatorDocuments,
    })
    await new Promise<void>((resolve) => server.listen('/tmp/kms.sock', resolve))
    const transport = kernelTransportWith({ window: WINDOW })
    const to = { host: kms.host, port: 443 }
    const from = [ENCLAVE.cid, OTHER.cid]
    const proxy = await startProxy(
      {
        allowlist: [{ address: to.host, port: to.port }],
        listeners: [
          { listen: { cid: VMADDR_CID_ANY, port: PROXY_PORT, transport }, from, to },
          {
            listen: { cid: VMADDR_CID_ANY, port: CREDENTIALS_PORT, transport },
            from,
            credentials: { source: 'file', path: writeCredentials() },
          },
        ],
      },
      {
        resolver: async () => [{ path: '/tmp/kms.sock' }],
        observer: { onConnection: (one) => carried.push(one) },
      },
    )
    const heartbeats = await listen({ port: HEARTBEAT_PORT, transport })
    heartbeats.on('connection', (socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (byte) => {
        if (byte.equals(Buffer.of(0xb7))) alive.push(peerAddress(socket)?.cid)
        socket.end(byte)
      })
    })
    const news = await listen({ port: NEWS_PORT })
    void answerLines(news, (cid) => {
      up.get(Number(cid))?.tell()
      return 'heard'
    })
    account('proxy, KMS and heartbeats are served')
    afterAll(async () => {
      news.close()
      heartbeats.close()
      await proxy.close()
      server.close()
    })
  })

  it('reads inside the enclave the registers that `eif describe` computed from its image', async () => {
    await up.get(ENCLAVE.cid)?.told
    const { pcrs } = await statusOf(ENCLAVE)
    account(`PCR0 inside ${pcrs[0]}`)
    expect(pcrs).toEqual({
      0: measurements.PCR0,
      1: measurements.PCR1,
      2: measurements.PCR2,
      // Of the certificate that signed it.
      8: measurements.PCR8,
    })
  })

  it('has had its sign of life', () => {
    expect(alive).toEqual([ENCLAVE.cid])
  })

  it('is answered by KMS, whose policy wants that PCR0', async () => {
    expect(await request(ENCLAVE, generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
    const { calls, residentMemory } = await statusOf(ENCLAVE)
    expect(calls).toBe(1)
    account('GenerateRandom with Recipient: 32 bytes opened in the enclave')
    account(`resident memory of the enclave after it: ${(residentMemory / 1024 / 1024).toFixed(1)} MiB`)
  })

  it("has fetched its credentials from this instance's proxy, which knows its CID", () => {
    const listener = `vsock:ANY:${CREDENTIALS_PORT}`
    expect(carried).toContainEqual(expect.objectContaining({ listener, cid: ENCLAVE.cid, reason: 'ended' }))
  })

  it('is answered many times, over connections that are kept', async () => {
    for (let count = 0; count < 5; count++)
      expect(await request(ENCLAVE, generateRandom)).toMatchObject({ ok: true })
  })

  it('cannot change what the enclave trusts', async () => {
    const { calls: _, residentMemory: __, ...before } = await statusOf(ENCLAVE)
    const attempts = [
      { ...generateRandom, region: 'eu-west-1' },
      { ...generateRandom, kmsHost: 'localhost' },
      { type: 'status', proxyPort: 9 },
      { type: 'setRegion', region: 'eu-west-1' },
      { type: 'setCredentials', ...kms.credentials, tlsRoots: 'none' },
    ]
    for (const attempt of attempts) {
      expect(await request(ENCLAVE, attempt)).toMatchObject({ ok: false, error: { code: 'ERR_MESSAGE' } })
    }
    expect(await request(ENCLAVE, { type: 'setCredentials', ...kms.credentials })).toMatchObject({
      ok: false,
      error: { code: 'ERR_CREDENTIALS' },
    })
    expect(await statusOf(ENCLAVE)).toMatchObject(before)
  })

  it('sees another image refused: its PCR0 is not the one', async () => {
    await up.get(OTHER.cid)?.told
    const { pcrs } = await statusOf(OTHER)
    expect(pcrs[0]).toBe(other.PCR0)
    expect(other.PCR0).not.toBe(measurements.PCR0)
    const answer = await request(OTHER, generateRandom)
    expect(answer).toMatchObject({ ok: false, error: { name: 'AccessDeniedException', status: 400 } })
    account(`PCR0 of the other image ${pcrs[0]}`)
    account(`GenerateRandom refused there: ${answer.ok ? '' : answer.error.name}`)
  })

  it('had no sign of life from the image whose command line does without', () => {
    expect(alive).toEqual([ENCLAVE.cid])
  })
})
