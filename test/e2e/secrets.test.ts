import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import {
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { createKmsClient } from '../../enclave/kms/client.js'
import { rotatingRecipient } from '../../enclave/kms/rotating-recipient.js'
import { startSimulation } from '../support/simulation.js'

function commandLine(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
}

/** As one who looks hard. */
const shown = (value: unknown): string =>
  `${inspect(value, { depth: 20, showHidden: true, getters: true })} ${JSON.stringify(value)}`

describe('secrets stay where they are', () => {
  it('no argument, no error and no object of the simulation carries credentials', async () => {
    const simulation = await startSimulation()
    const { dependencies, administrator, processes } = simulation
    const secrets = await Promise.all(
      [dependencies, administrator].map(async ({ credentials }) => {
        const { secretAccessKey, sessionToken } = await credentials()
        return [secretAccessKey, sessionToken]
      }),
    )
    await simulation.setFault('wrongRecipient')
    const error: unknown = await simulation
      .generateRandom({ numberOfBytes: 32 })
      .catch((reason: unknown) => reason)
    const seen = [shown(error), shown(simulation), ...Object.values(processes).map(commandLine)]
    const found = secrets.flat().filter((secret) => seen.some((text) => secret && text.includes(secret)))
    expect(secrets.flat().filter(Boolean)).toHaveLength(3)
    expect(found).toEqual([])
  })

  it('what the five operations give shows in no log and in no object that took part', async () => {
    const { dependencies, administrator } = await startSimulation()
    const lines: unknown[] = []
    const log = (...words: unknown[]) => void lines.push(...words)
    const logger = { trace: log, debug: log, info: log, warn: log, error: log }
    const recipient = await rotatingRecipient({ ...dependencies, maxCalls: 2 })
    const admin = createKmsClient({ ...administrator, logger })
    const kms = createKmsClient({ ...dependencies, recipient, logger, mix: 'nsm' })
    const keyOf = async (input = {}) => (await admin.send(new CreateKeyCommand(input))).KeyMetadata?.Arn
    const KeyId = await keyOf()
    const agreement = await keyOf({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

    const Plaintext = Buffer.from('planted plaintext')
    const { CiphertextBlob } = await admin.send(new EncryptCommand({ KeyId, Plaintext }))
    const own = publicKey.export({ format: 'der', type: 'spki' })
    const ecdh = { KeyId: agreement, KeyAgreementAlgorithm: 'ECDH', PublicKey: own } as const
    const results = [
      (await kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))).Plaintext,
      (await kms.send(new DecryptCommand({ KeyId, CiphertextBlob }))).Plaintext,
      (await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).Plaintext,
      (await kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'RSA_2048' })))
        .PrivateKeyPlaintext,
      (await kms.send(new DeriveSharedSecretCommand(ecdh))).SharedSecret,
    ]
    kms.destroy()
    admin.destroy()
    const secrets = results.map((one) => Buffer.from(one ?? []))
    expect(secrets[1]).toEqual(Plaintext)
    expect(secrets.every(({ length }) => length >= 16)).toBe(true)

    const seen = shown([lines, inspectable(kms), inspectable(admin), recipient, await recipient.recipient()])
    expect(seen).toContain('GenerateDataKeyPairCommand')
    expect(secrets.flatMap(forms).filter((form) => seen.includes(form))).toEqual([])
  })
})

/** The parts of a client: as a whole it is circular, and no JSON. */
const inspectable = ({ config, middlewareStack }: KMSClient) => [
  inspect(config, { depth: 8, showHidden: true }),
  middlewareStack.identify(),
]

/** The first 16 bytes, as a program would print them. */
const forms = (secret: Buffer): readonly string[] => {
  const start = secret.subarray(0, 16)
  const list = [...start]
  return [
    start.toString('latin1'),
    start.toString('hex'),
    start.toString('base64').slice(0, 20),
    list.join(','),
    list.join(', '),
    list.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    JSON.stringify({ ...list }).slice(1, -1),
  ]
}
