/** What a simulation gives beside its enclave: an administrator, credentials that end, faults in shares, kept state. */
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKmsClient, type KmsClientOptions } from '../../enclave/kms/client.js'
import { createRecipient } from '../../enclave/kms/recipient.js'
import type { Simulation } from '../../simulator/index.js'
import { temporaryFolder } from '../support/cli.js'
import { startSimulation } from '../support/simulation.js'

const request = { numberOfBytes: 32 }

function clientOf(options: KmsClientOptions) {
  const client = createKmsClient(options)
  onTestFinished(() => client.destroy())
  return client
}

/** The enclave's role, attested. */
const enclaveOf = async ({ dependencies }: Simulation, options: Partial<KmsClientOptions> = {}) =>
  clientOf({ ...dependencies, recipient: await createRecipient(dependencies), ...options })

const keyOf = async ({ administrator }: Simulation): Promise<string> =>
  (await clientOf(administrator).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ''

describe('the administrator', () => {
  it('makes keys, which the attested enclave uses and its role alone does not', async () => {
    const simulation = await startSimulation()
    const key = await keyOf(simulation)
    const sealed = await clientOf(simulation.administrator).send(
      new EncryptCommand({ KeyId: key, Plaintext: Buffer.from('for the enclave') }),
    )
    const enclave = await enclaveOf(simulation)
    const command = new DecryptCommand({ KeyId: key, CiphertextBlob: sealed.CiphertextBlob })
    expect(Buffer.from((await enclave.send(command)).Plaintext ?? []).toString()).toBe('for the enclave')
    const { Plaintext } = await enclave.send(new GenerateDataKeyCommand({ KeyId: key, KeySpec: 'AES_256' }))
    expect(Plaintext).toHaveLength(32)
    await expect(clientOf(simulation.dependencies).send(command)).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
    await expect(enclave.send(new CreateKeyCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    })
  })
})

describe('credentials that have expired', () => {
  it('are told as such by KMS', async () => {
    const simulation = await startSimulation()
    const old = await simulation.dependencies.credentials()
    await simulation.expireCredentials()
    const { sessionToken } = await simulation.dependencies.credentials()
    expect(sessionToken).not.toBe(old.sessionToken)
    const stale = await enclaveOf(simulation, { credentials: old })
    await expect(stale.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))).rejects.toMatchObject({
      name: 'ExpiredTokenException',
    })
  })

  it('fail no call: neither of the enclave, nor of an application here', async () => {
    const simulation = await startSimulation()
    const application = await enclaveOf(simulation)
    const command = new GenerateRandomCommand({ NumberOfBytes: 32 })
    for (let count = 0; count < 3; count++) {
      expect((await simulation.generateRandom(request)).random).toHaveLength(32)
      expect((await application.send(command)).Plaintext).toHaveLength(32)
      await simulation.expireCredentials()
    }
    const calls = Array.from({ length: 20 }, () => simulation.generateRandom(request))
    expect(await Promise.all(calls)).toHaveLength(20)
  })

  it('do not concern the administrator', async () => {
    const simulation = await startSimulation()
    const administrator = clientOf(simulation.administrator)
    await administrator.send(new CreateKeyCommand({}))
    await simulation.expireCredentials()
    await administrator.send(new CreateKeyCommand({}))
  })
})

describe('faults in shares of the calls', () => {
  it('are retried: no call fails', async () => {
    const simulation = await startSimulation()
    await simulation.setFault({ throttling: 0.05, internal: 0.05 })
    const { answers } = await simulation.load({ calls: 100, inFlight: 4, attested: true })
    expect(new Set(answers).size).toBe(100)
  })

  it('are seen by a client that does not retry', async () => {
    const simulation = await startSimulation()
    const client = await enclaveOf(simulation, { maxAttempts: 1 })
    await simulation.setFault({ throttling: 0.25 })
    const names: string[] = []
    for (let call = 0; call < 8; call++) {
      const random = client.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))
      names.push(await random.then(() => 'OK').catch((error: Error) => error.name))
    }
    const four = ['OK', 'OK', 'OK', 'ThrottlingException']
    expect(names).toEqual([...four, ...four])
  })

  it('of more than all are refused', async () => {
    const simulation = await startSimulation()
    await expect(simulation.setFault({ throttling: 2 })).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('state in a folder', () => {
  it('outlives the simulation: keys, and the root of its documents', async () => {
    const state = temporaryFolder()
    const first = await startSimulation({ state })
    const key = await keyOf(first)
    const { CiphertextBlob } = await clientOf(first.administrator).send(
      new EncryptCommand({ KeyId: key, Plaintext: Buffer.from('kept') }),
    )
    await expect(startSimulation({ state })).rejects.toThrow(/in use by process/)
    await first.close()
    const second = await startSimulation({ state })
    expect(second.attestationRoot).toEqual(first.attestationRoot)
    expect(second.enclave.pcrs.get(4)).toEqual(first.enclave.pcrs.get(4))
    const { Plaintext } = await (await enclaveOf(second)).send(new DecryptCommand({ CiphertextBlob }))
    expect(Buffer.from(Plaintext ?? []).toString()).toBe('kept')
  })
})

it('tells which registers its policy pins, for the diagnosis of a refusal', async () => {
  const { dependencies, enclave } = await startSimulation()
  const pcr0 = Buffer.from(enclave.pcrs.get(0) ?? []).toString('hex')
  expect(dependencies.expectedPcrs).toEqual({ 0: pcr0 })
})
