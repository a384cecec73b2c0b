import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type net from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { parseConfiguration } from '../../enclave/configuration.js'
import type { JsonCredentials } from '../../enclave/kms/credentials.js'
import { serveParent } from '../../enclave/program.js'
import { createCredentialsServer } from '../../parent-proxy/credentials/server.js'
import type { Response } from '../../shared/messages.js'
import { connect, listen, unixTransport, type VsockTransport } from '../../shared/vsock/index.js'
import type { SimulateOptions, Simulation } from '../../simulator/index.js'
import { temporaryFolder } from '../support/cli.js'
import { startSimulation } from '../support/simulation.js'

// The program of an image, asked by a parent over a Unix socket; its NSM, proxy and KMS are the simulator's.

const ENCLAVE = { cid: 16, port: 5000 }
const CREDENTIALS = { cid: 3, port: 8001 }

/** As the parent hands them on. */
async function roleOf({ dependencies }: Simulation) {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = await dependencies.credentials()
  return { accessKeyId, secretAccessKey, sessionToken }
}

interface Options extends SimulateOptions {
  readonly ownCredentials?: boolean
  /** The parent serves credentials, and the image says so. */
  readonly servedCredentials?: boolean
  /** The proxy takes connections, and never answers. */
  readonly silent?: boolean
}

async function startEnclave({
  ownCredentials = false,
  servedCredentials = false,
  silent = false,
  ...options
}: Options = {}) {
  const simulation = await startSimulation(options)
  const { dependencies } = simulation
  const credentials = await roleOf(simulation)
  const folder = unixTransport(temporaryFolder())
  const dialled: string[] = []
  const carriers: net.Socket[] = []
  if (servedCredentials) await serveCredentials(folder, credentials)
  const dial = silent ? await silentDial() : dependencies.dial
  const transport: VsockTransport = {
    connect: (address, limits) => {
      const { cid, port } = address
      dialled.push(`${cid}:${port}`)
      if (port === CREDENTIALS.port) return folder.connect(address, limits)
      const carrier = dial()
      carriers.push(carrier)
      return carrier
    },
    listen: (server, address, backlog) => folder.listen(server, address, backlog),
  }
  const configuration = parseConfiguration(
    JSON.stringify({
      region: dependencies.region,
      ...(ownCredentials && { testCredentials: credentials }),
      ...(servedCredentials && { credentialsPort: CREDENTIALS.port }),
    }),
    (dependencies.trustAnchors ?? []).join('\n'),
  )
  const program = await serveParent(configuration, { nsm: dependencies.nsm, transport, cid: ENCLAVE.cid })
  onTestFinished(() => program.close())
  const parent = () => conversation(connect({ ...ENCLAVE, transport: folder }))
  return { parent, dialled, carriers, simulation, credentials: { type: 'setCredentials', ...credentials } }
}

/** The parent's listener for credentials, of a file. */
async function serveCredentials(transport: VsockTransport, credentials: JsonCredentials) {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = credentials
  const path = join(temporaryFolder(), 'credentials.json')
  writeFileSync(
    path,
    JSON.stringify({ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken }),
  )
  const served = createCredentialsServer({ source: 'file', path })
  const server = await listen({ ...CREDENTIALS, transport, pauseOnConnect: true })
  server.on('connection', (socket) => served.serve(socket, new AbortController().signal))
  onTestFinished(() => {
    server.close()
    served.close()
  })
}

async function silentDial() {
  const transport = unixTransport(temporaryFolder())
  const address = { cid: 3, port: 1, transport }
  const server = await listen(address)
  const accepted = new Set<net.Socket>()
  server.on('connection', (socket) => accepted.add(socket.on('error', () => undefined)))
  onTestFinished(() => {
    server.close()
    for (const socket of accepted) socket.destroy()
  })
  return () => connect(address)
}

function conversation(socket: net.Socket) {
  onTestFinished(() => void socket.destroy())
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]()
  return {
    socket,
    answer: async () => JSON.parse((await answers.next()).value ?? 'null') as Response | null,
    async ask(request: unknown) {
      socket.write(`${JSON.stringify(request)}\n`)
      return this.answer()
    },
  }
}

const generateRandom = { type: 'generateRandom', numberOfBytes: 32 }

it('makes attested calls with the credentials that the parent pushed', async () => {
  const { parent, credentials, dialled } = await startEnclave()
  const talk = parent()
  expect(await talk.ask(generateRandom)).toMatchObject({ ok: false, error: { code: 'ERR_CREDENTIALS' } })
  expect(await talk.ask(credentials)).toEqual({ ok: true })
  expect(await talk.ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
  expect(dialled).toEqual(['3:8000'])
})

it('tells who it is', async () => {
  const { parent, simulation } = await startEnclave({ ownCredentials: true })
  const talk = parent()
  await talk.ask(generateRandom)
  expect(await talk.ask({ type: 'status' })).toEqual({
    ok: true,
    status: {
      moduleId: simulation.enclave.moduleId,
      pcrs: Object.fromEntries(
        [0, 1, 2, 8].map((index) => [
          index,
          Buffer.from(simulation.enclave.pcrs.get(index) ?? []).toString('hex'),
        ]),
      ),
      region: 'us-east-1',
      kmsHost: 'kms.us-east-1.amazonaws.com',
      parent: { cid: 3, port: 8000 },
      calls: 1,
      residentMemory: expect.any(Number),
    },
  })
})

it('changes nothing of what it trusts, whatever the parent sends', async () => {
  const { parent, credentials, dialled } = await startEnclave()
  const talk = parent()
  const before = await talk.ask({ type: 'status' })
  const attempts = [
    { ...credentials, region: 'eu-west-1' },
    { ...credentials, endpoint: 'https://127.0.0.1' },
    { ...generateRandom, kmsHost: 'kms.evil.example' },
    { ...generateRandom, trustAnchors: ['-----BEGIN CERTIFICATE-----'] },
    { type: 'configure', proxyPort: 9 },
    { type: 'status', parent: { cid: 2, port: 9 } },
  ]
  for (const attempt of attempts) {
    expect(await talk.ask(attempt)).toMatchObject({ ok: false, error: { code: 'ERR_MESSAGE' } })
  }
  await talk.ask(credentials)
  expect(await talk.ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
  const after = await talk.ask({ type: 'status' })
  const trusted = ({ calls: _, residentMemory: __, ...rest }: Record<string, unknown>) => rest
  const statusOf = (response: Response | null) => (response?.ok && response.status) || {}
  expect(trusted({ ...statusOf(after) })).toEqual(trusted({ ...statusOf(before) }))
  expect(new Set(dialled)).toEqual(new Set(['3:8000']))
})

it('keeps the credentials that its image brings', async () => {
  const { parent, credentials } = await startEnclave({ ownCredentials: true })
  expect(await parent().ask({ ...credentials, accessKeyId: 'ASIAOTHER' })).toMatchObject({
    ok: false,
    error: { code: 'ERR_CREDENTIALS' },
  })
  expect(await parent().ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
})

it('fetches the credentials that its parent serves, and takes no others', async () => {
  const { parent, credentials, dialled } = await startEnclave({ servedCredentials: true })
  expect(await parent().ask({ ...credentials, accessKeyId: 'ASIAOTHER' })).toMatchObject({
    ok: false,
    error: { code: 'ERR_CREDENTIALS' },
  })
  expect(dialled).toEqual([])
  expect(await parent().ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
  expect(dialled.toSorted()).toEqual(['3:8000', '3:8001'])
})

it("passes on KMS's refusal, by its name and request id", async () => {
  const policy = { Statement: { Effect: 'Deny', Action: '*', Resource: '*' } }
  const { parent } = await startEnclave({ ownCredentials: true, policy })
  expect(await parent().ask(generateRandom)).toMatchObject({
    ok: false,
    error: { name: 'AccessDeniedException', requestId: expect.any(String), status: 400 },
  })
})

it('answers every request of a connection, in their order', async () => {
  const { parent } = await startEnclave({ ownCredentials: true })
  const talk = parent()
  talk.socket.write(`${JSON.stringify(generateRandom)}\n{"type":"status"}\nnonsense\n`)
  expect(await talk.answer()).toMatchObject({ numberOfBytes: 32 })
  expect(await talk.answer()).toMatchObject({ status: { calls: 1 } })
  expect(await talk.answer()).toMatchObject({ error: { code: 'ERR_MESSAGE' } })
})

it('hangs up on a line without an end, and serves the next connection', async () => {
  const { parent } = await startEnclave({ ownCredentials: true })
  const talk = parent()
  talk.socket.on('error', () => undefined)
  talk.socket.write('x'.repeat(20_000))
  expect(await talk.answer()).toMatchObject({ error: { code: 'ERR_MESSAGE' } })
  expect(await talk.answer()).toBeNull()
  expect(await parent().ask({ type: 'status' })).toMatchObject({ ok: true })
})

it('is not stopped by parents that hang up in the middle', async () => {
  const { parent } = await startEnclave({ ownCredentials: true })
  for (let count = 0; count < 20; count++) {
    const { socket } = parent()
    socket.write(`${JSON.stringify(generateRandom)}\n{"type":`)
    socket.destroy()
  }
  expect(await parent().ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
})

it('answers a last request that no line break ends', async () => {
  const { parent } = await startEnclave({ ownCredentials: true })
  const talk = parent()
  talk.socket.end('{"type":"status"}')
  expect(await talk.answer()).toMatchObject({ ok: true })
  expect(await talk.answer()).toBeNull()
})

it('keeps good credentials when it is sent expired ones', async () => {
  const { parent, credentials } = await startEnclave()
  const talk = parent()
  await talk.ask(credentials)
  expect(
    await talk.ask({ ...credentials, accessKeyId: 'OLD', expiration: '2020-01-01T00:00:00Z' }),
  ).toMatchObject({
    ok: false,
    error: { code: 'ERR_CREDENTIALS' },
  })
  expect(await talk.ask(generateRandom)).toEqual({ ok: true, numberOfBytes: 32 })
})

it('makes no call for a parent that is gone', async () => {
  const { parent, carriers } = await startEnclave({ ownCredentials: true, silent: true })
  const { socket } = parent()
  await once(socket, 'connect')
  // The first answer cannot be written, which shows that nobody is there.
  const requests = `{"type":"status"}\n${JSON.stringify(generateRandom)}\n`
  await new Promise((written) => socket.write(requests, written))
  socket.destroy()
  expect(await parent().ask({ type: 'status' })).toMatchObject({ ok: true })
  await sleep(500)
  expect(carriers).toHaveLength(0)
})

it('has a place for who asks, when others only hold the line', async () => {
  const { parent } = await startEnclave({ ownCredentials: true })
  const idle = Array.from({ length: 40 }, parent)
  await Promise.all(idle.map(({ socket }) => socket.readyState === 'open' || once(socket, 'connect')))
  expect(await parent().ask({ type: 'status' })).toMatchObject({ ok: true })
  // The one that was quiet longest made room.
  expect(await idle[0]?.answer()).toBeNull()
})

it('begins no more calls than it can bear', async () => {
  const { parent, carriers } = await startEnclave({ ownCredentials: true, silent: true })
  const asking = Array.from({ length: 16 }, parent)
  for (const { socket } of asking) socket.write(`${JSON.stringify(generateRandom)}\n`)
  await expect.poll(() => carriers.length, { timeout: 10_000 }).toBe(16)
  expect(await parent().answer()).toBeNull()
})
