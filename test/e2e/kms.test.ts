import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateRandomCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pinningPolicy } from '../../simulator/kms/policy/policy-document.js'
import { cli, temporaryFolder } from '../support/cli.js'
import { clientOf, createKey, random, startKms } from '../support/kms-process.js'

const RAW = { 'content-type': 'application/x-amz-json-1.1' }

/** What it answers to a request that nobody signed. */
async function ask(socket: net.Socket, host: string): Promise<string> {
  const headers = [`Host: ${host}`, `Content-Type: ${RAW['content-type']}`, 'Connection: close']
  socket.end(`POST / HTTP/1.1\r\n${headers.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

describe('nitro-enclave kms', () => {
  it('says how it is reached, and serves an SDK that knows nothing of it', async () => {
    const { ready } = await startKms()
    expect(ready).toEqual({
      endpoint: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      ca: join(ready.state, 'ca.pem'),
      attestationRoot: join(ready.state, 'attestation-root.pem'),
      accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      secretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
      region: 'us-east-1',
      state: expect.any(String),
    })
    expect(await random(clientOf(ready), 17)).toBe(17)
  })

  it('has a certificate for every name that it takes as Host', async () => {
    const { ready } = await startKms([
      ...['--region', 'eu-west-1', '--host', 'kms.test', '--listen', '127.0.0.9:0'],
    ])
    const { port, hostname } = new URL(ready.endpoint)
    expect(hostname).toBe('127.0.0.9')
    const ca = readFileSync(ready.ca ?? '')
    const names = ['127.0.0.1', '::1', 'localhost', 'kms.eu-west-1.amazonaws.com', 'kms.test', hostname]
    for (const name of names) {
      const socket = tls.connect({
        host: hostname,
        port: Number(port),
        ca,
        ...(net.isIP(name) === 0 && { servername: name }),
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
      })
      const answer = await ask(socket, name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`)
      expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*UnknownOperationException/)
    }
  })

  it('serves without TLS where that is asked for, and no name but its own', async () => {
    const { ready, log } = await startKms(['--http'])
    expect([ready.endpoint, ready.ca]).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), null])
    expect(await random(clientOf(ready))).toBe(32)
    const { port } = new URL(ready.endpoint)
    const answer = await ask(net.connect(Number(port), '127.0.0.1'), `rebound.example:${port}`)
    expect(answer).toMatch(/^HTTP\/1\.1 421 /)
    expect(log).toBe('')
  })

  it('warns where it can be reached from other machines', async () => {
    const kms = await startKms(['--http', '--listen', '0.0.0.0:0'])
    expect(kms.ready.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:/)
    await kms.line(/^warning: it listens beyond this machine/)
    expect(await random(clientOf(kms.ready))).toBe(32)
  })
})

describe('its log', () => {
  it('has a line a call, and neither secrets nor bodies', async () => {
    const kms = await startKms()
    const sdk = clientOf(kms.ready)
    const key = await createKey(sdk)
    const Plaintext = Buffer.from('attack at dawn')
    const { $metadata, CiphertextBlob } = await sdk.send(new EncryptCommand({ KeyId: key, Plaintext }))
    const user = 'arn:aws:iam::123456789012:user/simulated-administrator'
    expect(await kms.line(/ Encrypt /)).toMatch(
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z Encrypt ${key} ${user} OK ${$metadata.requestId}$`),
    )
    await sdk.send(new DecryptCommand({ KeyId: 'alias/none', CiphertextBlob })).catch(() => undefined)
    expect(await kms.line(/ Decrypt /)).toMatch(/ Decrypt alias\/none \S+ NotFoundException /)
    await sdk.send(new DescribeKeyCommand({ KeyId: 'a key OK' })).catch(() => undefined)
    expect(await kms.line(/ DescribeKey /)).toMatch(/ DescribeKey "a key OK" \S+ \w+Exception /)
    const stranger = clientOf({ ...kms.ready, accessKeyId: 'AKIASTRANGER' })
    await stranger.send(new GenerateRandomCommand({ NumberOfBytes: 1 })).catch(() => undefined)
    expect(await kms.line(/ UnrecognizedClientException /)).toMatch(/ GenerateRandom - - Unrec/)
    expect(kms.log.trim().split('\n')).toHaveLength(5)
    const secrets = [kms.ready.secretAccessKey, Plaintext.toString('base64'), Plaintext.toString()]
    secrets.push(Buffer.from(CiphertextBlob ?? []).toString('base64'))
    expect(secrets.filter((secret) => kms.log.includes(secret))).toEqual([])
  })

  it('tells of a refused enclave what the policy would have wanted', async () => {
    const folder = temporaryFolder()
    const [policy, key] = [join(folder, 'policy.json'), join(folder, 'key.pem')]
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(key, publicKey.export({ format: 'pem', type: 'spki' }))
    writeFileSync(policy, JSON.stringify(pinningPolicy('11'.repeat(48))))
    const state = join(folder, 'state')
    const kms = await startKms(['--http', '--state', state, '--policy', policy])
    const attested = await cli(['nsm', '--simulator', state, 'attest', '--public-key', key])
    const Recipient = {
      AttestationDocument: attested.stdout,
      KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const,
    }
    const call = clientOf(kms.ready).send(new GenerateRandomCommand({ NumberOfBytes: 1, Recipient }))
    await expect(call).rejects.toMatchObject({ name: 'AccessDeniedException' })
    expect(await kms.line(/hint:/)).toMatch(/^ {2}hint: PCR0 differs: .*(11){48}/)
    expect(kms.log).toMatch(/ GenerateRandom - \S+ AccessDeniedException \S+\n {2}hint:/)
  })

  it('may lose its reader', async () => {
    const kms = await startKms(['--http'])
    kms.child.stderr?.destroy()
    const sdk = clientOf(kms.ready)
    for (let call = 0; call < 5; call++) expect(await random(sdk)).toBe(32)
  })
})

describe('its policy', () => {
  const policyFile = (policy: unknown): string => {
    const file = join(temporaryFolder(), 'policy.json')
    writeFileSync(file, JSON.stringify(policy))
    return file
  }

  it('replaces the one that allows everything', async () => {
    const policy = { Statement: { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*' } }
    const { ready } = await startKms(['--http', '--policy', policyFile(policy)])
    expect(await random(clientOf(ready))).toBe(32)
    await expect(createKey(clientOf(ready))).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('is refused before anything is made when it is none', async () => {
    const state = join(temporaryFolder(), 'state')
    const policy = policyFile({ Statement: 1 })
    const { code, stdout, stderr } = await cli(['kms', '--state', state, '--policy', policy])
    expect([code, stdout.toString(), existsSync(state)]).toEqual([1, '', false])
    expect(stderr).toContain('ERR_IAM_POLICY')
  })
})

describe('what cannot be', () => {
  it('a port that is taken', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as net.AddressInfo
    const { code, stdout, stderr } = await cli(['kms', '--listen', `127.0.0.1:${port}`])
    expect([code, stdout.toString()]).toEqual([4, ''])
    const words = `cannot listen on 127.0.0.1, port ${port}: another process listens there`
    expect(stderr).toBe(`nitro-enclave kms: ${words} (ERR_SIMULATOR)\n`)
  })

  it("another machine's address, and nothing is left of it", async () => {
    const TMPDIR = temporaryFolder()
    const { code, stderr } = await cli(['kms', '--listen', '192.0.2.1:0'], { env: { TMPDIR } })
    expect([code, stderr]).toEqual([4, expect.stringContaining('no address of this machine')])
    expect(readdirSync(TMPDIR)).toEqual([])
  })

  it.each([
    ['--listen', 'example.com:443'],
    ['--host', '-kms'],
    ['--region', 'nowhere'],
    ['--policy', '/nonexistent/policy.json'],
  ])('%s %s', async (...flags) => {
    const { code, stdout, stderr } = await cli(['kms', ...flags])
    expect([code, stdout.toString()]).toEqual([1, ''])
    expect(stderr).not.toBe('')
  })
})

it('ends when nobody can learn where it listens', async () => {
  const TMPDIR = temporaryFolder()
  const child = spawn(process.execPath, ['bin/nitro-enclave', 'kms'], {
    env: { ...process.env, TMPDIR },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdout.destroy()
  const exited = once(child, 'close')
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  expect([(await exited)[0], log]).toEqual([4, expect.stringContaining('nobody can learn where it listens')])
  expect(readdirSync(TMPDIR)).toEqual([])
})
