import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { GenerateRandomCommand } from '@aws-sdk/client-kms'
import { expect, it, onTestFinished } from 'vitest'
import { createKmsClient } from '../../enclave/kms/client.js'
import { createRecipient } from '../../enclave/kms/recipient.js'
import { simulatedNsmIn } from '../../simulator/state/nsm.js'
import { cli, temporaryFolder } from '../support/cli.js'
import { clientOf, startKms } from '../support/kms-process.js'

// Everything by the command line and the AWS SDK: what somebody does whose program is not written in TypeScript.
it("KMS answers to a document of the module in its folder, by the document's key, and to no other's", {
  timeout: 120_000,
}, async () => {
  const folder = temporaryFolder()
  const state = join(folder, 'state')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = join(folder, 'key.pem')
  writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const pcr0 = 'ab'.repeat(48)
  const policy = join(folder, 'policy.json')
  const Condition = { StringEqualsIgnoreCase: { 'kms:RecipientAttestation:PCR0': pcr0 } }
  writeFileSync(
    policy,
    JSON.stringify({
      Statement: { Effect: 'Allow', Action: 'kms:GenerateRandom', Resource: '*', Condition },
    }),
  )
  const nsm = (directory: string, ...args: string[]) => cli(['nsm', '--simulator', directory, ...args])
  // The module first, so that its authority is the one that KMS finds.
  expect((await nsm(state, '--pcr', `0=${pcr0}`, 'describe')).code).toBe(0)
  const kms = clientOf((await startKms(['--state', state, '--policy', policy])).ready)
  const generate = (AttestationDocument: Uint8Array) =>
    kms.send(
      new GenerateRandomCommand({
        NumberOfBytes: 24,
        Recipient: { AttestationDocument, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
      }),
    )

  const { stdout: document } = await nsm(state, 'attest', '--public-key', key)
  const { CiphertextForRecipient, Plaintext } = await generate(document)
  expect(Plaintext).toBeUndefined()
  const input = CiphertextForRecipient ?? new Uint8Array()
  expect((await cli(['open-envelope', '--key', key], { input })).stdout).toHaveLength(24)

  const other = join(folder, 'other')
  await nsm(other, '--pcr', `0=${pcr0}`, 'describe')
  const { stdout: foreign } = await nsm(other, 'attest', '--public-key', key)
  await expect(generate(foreign)).rejects.toMatchObject({ name: 'ValidationException' })
})

it('an application of your own runs on the module and the KMS of one folder', async () => {
  const { ready } = await startKms()
  const { endpoint, ca, region, state, ...credentials } = ready
  const recipient = await createRecipient({ nsm: await simulatedNsmIn(state) })
  const kms = createKmsClient({
    region,
    recipient,
    credentials,
    dial: () => net.connect(Number(new URL(endpoint).port), '127.0.0.1'),
    trustAnchors: [readFileSync(String(ca), 'utf8')],
  })
  onTestFinished(() => kms.destroy())
  const { Plaintext, CiphertextForRecipient } = await kms.send(
    new GenerateRandomCommand({ NumberOfBytes: 32 }),
  )
  expect([Plaintext?.length, CiphertextForRecipient]).toEqual([32, undefined])
})
