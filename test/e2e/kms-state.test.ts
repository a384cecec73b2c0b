import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DecryptCommand, DescribeKeyCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { cli, temporaryFolder } from '../support/cli.js'
import { clientOf, createKey, type Ready, random, startKms } from '../support/kms-process.js'

/** All that a client knows of it, but the port. */
const known = ({ endpoint: _, ...rest }: Ready) => ({
  ...rest,
  pem: [rest.ca ?? '', rest.attestationRoot].map((file) => readFileSync(file, 'utf8')),
})

describe('the state of nitro-enclave kms', () => {
  it('stays the same over restarts, also after SIGKILL', async () => {
    const state = join(temporaryFolder(), 'a', 'state')
    const first = await startKms(['--state', state, '--region', 'eu-central-1'])
    const before = known(first.ready)
    expect(before).toMatchObject({ region: 'eu-central-1', state })
    const key = await createKey(clientOf(first.ready))
    const { CiphertextBlob } = await clientOf(first.ready).send(
      new EncryptCommand({ KeyId: key, Plaintext: Buffer.from('kept') }),
    )
    first.signal('SIGKILL')
    expect(await first.exited).toBe('SIGKILL')
    const second = await startKms(['--state', state])
    expect(known(second.ready)).toEqual(before)
    const { Plaintext } = await clientOf(second.ready).send(new DecryptCommand({ CiphertextBlob }))
    expect(Buffer.from(Plaintext ?? []).toString()).toBe('kept')
    second.signal('SIGTERM')
    expect(await second.exited).toBe(0)
    expect(known((await startKms(['--state', state])).ready)).toEqual(before)
  })

  it('has every key whose making was answered, whenever the process is killed', {
    timeout: 90_000,
  }, async () => {
    const state = temporaryFolder()
    const made: { arn: string; sealed: Uint8Array }[] = []
    for (let round = 0; round < 3; round++) {
      const kms = await startKms(['--http', '--state', state])
      const sdk = clientOf(kms.ready)
      const before = made.length
      const one = async (): Promise<void> => {
        const arn = await createKey(sdk)
        const { CiphertextBlob = new Uint8Array() } = await sdk.send(
          new EncryptCommand({ KeyId: arn, Plaintext: Buffer.from(arn) }),
        )
        made.push({ arn, sealed: CiphertextBlob })
        return one()
      }
      const calls = Promise.allSettled([one(), one(), one(), one()])
      const killed = (async () => {
        while (made.length < before + 5 * (round + 1)) await sleep(1)
        kms.signal('SIGKILL')
      })()
      const outcomes = await calls
      await killed
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ reason: { code: expect.stringMatching(/^(ECONN|EPIPE)/) } })
    }
    const sdk = clientOf((await startKms(['--http', '--state', state])).ready)
    for (const { arn, sealed } of made) {
      const { KeyMetadata } = await sdk.send(new DescribeKeyCommand({ KeyId: arn }))
      expect(KeyMetadata?.Enabled).toBe(true)
      const { Plaintext } = await sdk.send(new DecryptCommand({ CiphertextBlob: sealed }))
      expect(Buffer.from(Plaintext ?? []).toString()).toBe(arn)
    }
  })

  it('holds no file that others can read, but certificates', async () => {
    const state = join(temporaryFolder(), 'state')
    await createKey(clientOf((await startKms(['--state', state])).ready))
    const forOthers = (name: string) => (statSync(join(state, name)).mode & 0o077) !== 0
    const open = readdirSync(state).filter((name) => statSync(join(state, name)).isFile() && forOthers(name))
    expect(open.filter((name) => !name.endsWith('.pem'))).toEqual([])
    expect(statSync(state).mode & 0o077).toBe(0)
  })

  it('belongs to one process at a time, and to its region', async () => {
    const state = temporaryFolder()
    const first = await startKms(['--http', '--state', state, '--region', 'eu-west-1'])
    const second = await cli(['kms', '--state', state])
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining(`process ${first.child.pid}`)])
    expect(await random(clientOf(first.ready))).toBe(32)
    first.signal('SIGTERM')
    await first.exited
    const third = await cli(['kms', '--state', state, '--region', 'us-east-1'])
    expect([third.code, third.stderr]).toEqual([1, expect.stringContaining('is one of eu-west-1')])
  })

  it('without a name is refused: it would be the folder in which the command runs', async () => {
    const { code, stderr } = await cli(['kms', '--state', ''])
    expect([code, stderr]).toEqual([1, expect.stringContaining('no name')])
  })

  it('that is damaged is refused, and left as it is', async () => {
    const state = temporaryFolder()
    const file = join(state, 'service.json')
    writeFileSync(file, '{"version":1}')
    const { code, stderr } = await cli(['kms', '--state', state])
    expect([code, stderr]).toEqual([1, expect.stringContaining(file)])
    expect(readFileSync(file, 'utf8')).toBe('{"version":1}')
  })

  it.skipIf(process.getuid?.() === 0)('in a folder that cannot be written is refused', async () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o500)
    const { code, stderr } = await cli(['kms', '--state', join(folder, 'state')])
    expect([code, stderr]).toEqual([1, expect.stringContaining(folder)])
  })

  it('below a file is refused', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    const { code, stderr, stdout } = await cli(['kms', '--state', join(file, 'state')])
    expect([code, stdout.toString(), stderr]).toEqual([1, '', expect.stringContaining(file)])
  })

  it('is temporary without a folder, and goes with the process', async () => {
    const TMPDIR = temporaryFolder()
    const kms = await startKms([], { TMPDIR })
    expect(readdirSync(TMPDIR)).toHaveLength(1)
    kms.signal('SIGINT')
    expect(await kms.exited).toBe(0)
    expect(readdirSync(TMPDIR)).toEqual([])
  })
})
