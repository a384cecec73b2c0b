/** Every diagnosis, brought about on a simulated KMS over TLS, or by what stands in its place. */
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { onTestFinished } from 'vitest'
import type { DiagnosisCode } from '../../../../enclave/kms/diagnosis/diagnosis.js'
import type { Recipient } from '../../../../enclave/kms/recipient.js'
import { connect, unixTransport } from '../../../../shared/vsock/index.js'
import { KmsError } from '../../../../simulator/kms/errors.js'
import { throttling } from '../../../../simulator/kms/faults.js'
import { startStuckListener } from '../../../shared/vsock/stuck-listener.js'
import { unsigned } from '../../../support/attestations.js'
import { temporaryFolder } from '../../../support/cli.js'
import { createAuthority, startHttps, startTcp, type TestServer } from '../tls-support.js'
import {
  allow,
  CREDENTIALS,
  clientOver,
  HOST,
  OTHER,
  PCR0,
  recipient,
  recipientOf,
  startKms,
  ZERO,
} from './simulated-kms.js'

export interface Case {
  readonly code: DiagnosisCode
  readonly title: string
  /** What the error is called: KMS's `__type`, or the code of an OperationError. */
  readonly symptom: string
  /** Makes the call that fails. */
  readonly call: () => Promise<unknown>
  /** What the diagnosis must say. */
  readonly says: readonly (string | RegExp)[]
}

const random = (client: KMSClient) => client.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
const describeKey = (client: KMSClient, KeyId = 'alias/a') => client.send(new DescribeKeyCommand({ KeyId }))
const dataKey = (client: KMSClient, KeyId: string) =>
  client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))

const MONTH = 30 * 86_400_000
const ago = (milliseconds: number) => () => new Date(Date.now() - milliseconds)

/** A key policy for the administrator alone, so that keys can still be made. */
const administratorOnly = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: 'arn:aws:iam::123456789012:user/simulated-administrator' },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
})

async function kept(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting
  onTestFinished(() => server.close())
  return server
}

/** A KMS of which only the transport matters. */
async function standIn(handler: Parameters<typeof startHttps>[1]) {
  const authority = await createAuthority()
  const { dial } = await kept(startHttps(await authority.issue(HOST), handler))
  return clientOver(dial, { trustAnchors: [authority.certificate] })
}

/** The ciphertext of a value under `KeyId`. */
async function encrypted(client: KMSClient, KeyId: string, EncryptionContext?: Record<string, string>) {
  const Plaintext = Buffer.from('value')
  const { CiphertextBlob } = await client.send(
    new EncryptCommand({ KeyId, Plaintext, ...(EncryptionContext && { EncryptionContext }) }),
  )
  return CiphertextBlob ?? new Uint8Array(0)
}

const fault = (name: string, message: string) => ({ faults: () => new KmsError(name, message) })

const cases: Case[] = []
const add = (
  code: DiagnosisCode,
  title: string,
  symptom: string,
  call: Case['call'],
  ...says: Case['says']
): void => void cases.push({ code, title, symptom, call, says })

add(
  'DEBUG_MODE',
  'an enclave in debug mode',
  'AccessDeniedException',
  async () => {
    const kms = await startKms({ policy: allow('kms:GenerateRandom', OTHER) })
    const pcrs = new Map([0, 1, 2].map((index) => [index, new Uint8Array(48)]))
    await random(kms.client({ recipient: await recipientOf({ pcrs }), expectedPcrs: { 0: OTHER } }))
  },
  /PCR0, PCR1 and PCR2 .* zero/,
  '--debug-mode',
)
add(
  'PCR_MISMATCH',
  'another image than expected',
  'AccessDeniedException',
  async () => {
    const kms = await startKms({ policy: allow('kms:GenerateRandom', OTHER) })
    await random(kms.client({ expectedPcrs: { 0: OTHER.toUpperCase() } }))
  },
  `PCR0 of this enclave is ${PCR0}, expected is ${OTHER}.`,
)
add(
  'PCR_MISMATCH',
  'another PCR than expected',
  'AccessDeniedException',
  async () => {
    const kms = await startKms({ policy: allow('kms:GenerateRandom', OTHER) })
    await random(kms.client({ expectedPcrs: { 0: PCR0, 8: OTHER } }))
  },
  `PCR8 of this enclave is ${ZERO}, expected is ${OTHER}.`,
)
add(
  'IDENTITY_POLICY',
  'a permission that is missing, without expectations',
  'AccessDeniedException',
  async () => random((await startKms({ policy: allow('kms:Decrypt') })).client()),
  'Allow kms:GenerateRandom',
  'for the resource *: no key takes part in it',
  `PCR0 is ${PCR0}`,
  'kms:RecipientAttestation:ImageSha384',
)
add(
  'IDENTITY_POLICY',
  'a permission that is missing, with the PCRs that are expected',
  'AccessDeniedException',
  async () => {
    const kms = await startKms({ policy: allow('kms:Decrypt') })
    await random(kms.client({ expectedPcrs: { 0: PCR0 } }))
  },
  'The PCRs are the expected ones',
)
add(
  'IDENTITY_POLICY',
  'a call without a document, where PCRs are pinned',
  'AccessDeniedException',
  async () => {
    const kms = await startKms({ policy: allow('kms:GenerateRandom', PCR0) })
    await random(kms.client({ recipient: undefined }))
  },
  'no attestation document',
  'a recipient',
)
add(
  'KEY_POLICY',
  'a key that lets others in',
  'AccessDeniedException',
  async () => {
    const kms = await startKms()
    await dataKey(kms.client(), await kms.createKey({ Policy: administratorOnly }))
  },
  'The key policy does not let this caller use kms:GenerateDataKey',
)
add(
  'EXPLICIT_DENY',
  'a Deny statement',
  'AccessDeniedException',
  async () => {
    const Statement = [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'kms:GenerateRandom', Resource: '*' },
    ]
    await random((await startKms({ policy: { Version: '2012-10-17', Statement } })).client())
  },
  'A Deny statement in the identity-based policy',
)
add(
  'ACCESS_DENIED',
  // The simulated account has no organization.
  'a policy of the organization',
  'AccessDeniedException',
  async () => {
    const why = 'because no service control policy allows the kms:DescribeKey action'
    await describeKey(
      (await startKms(fault('AccessDeniedException', `User: u is not authorized ${why}`))).client(),
    )
  },
  'No service control policy allows kms:DescribeKey',
)
add(
  'KEY_UNREACHABLE',
  'a key of another account',
  'AccessDeniedException',
  async () => {
    const kms = await startKms()
    await dataKey(kms.client(), (await kms.createKey()).replace('123456789012', '210987654321'))
  },
  'of another account',
  'kms:GenerateDataKey',
)
for (const [title, KeyId] of [
  ['an alias that does not exist', 'alias/elsewhere'],
  ['a key that does not exist', '01234567-89ab-cdef-0123-456789abcdef'],
  ['a key of another region', 'arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef'],
] as const) {
  add(
    'KEY_NOT_FOUND',
    title,
    'NotFoundException',
    async () => dataKey((await startKms()).client(), KeyId),
    'in us-east-1 and in the account',
  )
}
add('KEY_DISABLED', 'a disabled key', 'DisabledException', async () => {
  const kms = await startKms()
  const KeyId = await kms.createKey()
  await kms.administrator.send(new DisableKeyCommand({ KeyId }))
  await dataKey(kms.client(), KeyId)
})
add(
  'KEY_STATE',
  // The simulated KMS deletes no keys.
  'a key that waits for its deletion',
  'KMSInvalidStateException',
  async () =>
    dataKey((await startKms(fault('KMSInvalidStateException', 'k is pending deletion.'))).client(), 'k'),
  'CancelKeyDeletion',
)
add(
  'KEY_USAGE',
  'a key of another kind',
  'InvalidKeyUsageException',
  async () => {
    const kms = await startKms()
    const KeyId = await kms.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' })
    await dataKey(kms.client(), KeyId)
  },
  'GenerateDataKey',
)
add('ANOTHER_KEY', "another key's ciphertext", 'IncorrectKeyException', async () => {
  const kms = await startKms()
  const CiphertextBlob = await encrypted(kms.administrator, await kms.createKey())
  await kms.client().send(new DecryptCommand({ CiphertextBlob, KeyId: await kms.createKey() }))
})
add(
  'INVALID_CIPHERTEXT',
  'another encryption context',
  'InvalidCiphertextException',
  async () => {
    const kms = await startKms()
    const CiphertextBlob = await encrypted(kms.administrator, await kms.createKey(), { name: 'a' })
    const EncryptionContext = { name: 'A' }
    await kms.client().send(new DecryptCommand({ CiphertextBlob, EncryptionContext }))
  },
  'EncryptionContext',
)
add(
  'DOCUMENT_TOO_OLD',
  'a module whose clock is behind',
  'ValidationException',
  async () => random((await startKms()).client({ recipient: await recipientOf({ now: ago(600_000) }) })),
  /a time (599|60\d|61\d) seconds behind the clock of KMS/,
)
add(
  'DOCUMENT_REFUSED',
  'a module of another simulation',
  'ValidationException',
  async () => {
    const { simulated } = await import('../../../support/simulated.js')
    const { createRecipient } = await import('../../../../enclave/kms/recipient.js')
    await random((await startKms()).client({ recipient: await createRecipient(await simulated()) }))
  },
  'simulated module',
)
add(
  'DOCUMENT_REFUSED',
  'a document that nobody signed',
  'ValidationException',
  async () => {
    const forged: Recipient = {
      publicKey: recipient.publicKey,
      attest: async () => unsigned({ public_key: recipient.publicKey }),
      open: (...args) => recipient.open(...args),
      random: (length) => recipient.random(length),
    }
    await random((await startKms()).client({ recipient: forged }))
  },
  '/dev/nsm',
)
add(
  'IGNORED_RECIPIENT',
  'a KMS that does not know Recipient',
  'ERR_KMS_IGNORED_RECIPIENT',
  async () => random((await startKms({ faults: () => 'ignoreRecipient' })).client()),
  'an emulator',
)
add(
  'ENVELOPE_FOR_ANOTHER_KEY',
  'an envelope for another enclave',
  'ERR_ENVELOPE',
  async () => random((await startKms({ faults: () => 'wrongRecipient' })).client()),
  'another public key',
)
add('ENVELOPE_REFUSED', 'half an envelope', 'ERR_ENVELOPE', async () =>
  random((await startKms({ faults: () => 'truncatedEnvelope' })).client()),
)
add(
  'ENVELOPE_REFUSED',
  'an envelope for this enclave that holds something else',
  'ERR_ENVELOPE',
  async () => {
    const other: Recipient = {
      publicKey: recipient.publicKey,
      attest: (options) => recipient.attest(options),
      open: (envelope) => recipient.open(envelope, { length: 31 }),
      random: (length) => recipient.random(length),
    }
    await random((await startKms()).client({ recipient: other }))
  },
)
const expiration = new Date(Date.now() - 1_000)
add(
  'EXPIRED_CREDENTIALS',
  'fixed credentials that have expired',
  'ExpiredTokenException',
  async () => random((await startKms({ expiration })).client()),
  'fixed ones',
  'fromParent()',
  /^(?!.*The clock here)/,
)
add(
  'EXPIRED_CREDENTIALS',
  'a provider that has no newer ones',
  'ExpiredTokenException',
  async () => random((await startKms({ expiration })).client({ credentials: async () => CREDENTIALS })),
  'the same ones',
)
add(
  'EXPIRED_CREDENTIALS',
  'a clock that is behind, too',
  'ExpiredTokenException',
  async () => {
    const kms = await startKms({ expiration, now: () => new Date(Date.now() + 200_000) })
    await random(kms.client())
  },
  /The clock here is (19\d|20\d) seconds behind KMS's/,
)
add(
  'UNKNOWN_CREDENTIALS',
  'an access key that nobody has',
  'UnrecognizedClientException',
  async () =>
    random((await startKms()).client({ credentials: { ...CREDENTIALS, accessKeyId: 'ASIAOTHER' } })),
  'session token',
)
add('WRONG_SECRET', 'a secret of another access key', 'InvalidSignatureException', async () =>
  random((await startKms()).client({ credentials: { ...CREDENTIALS, secretAccessKey: 'planted' } })),
)
add(
  'CLOCK_SKEW',
  'a clock that is behind, and one attempt',
  'InvalidSignatureException',
  async () => random((await startKms({ now: () => new Date(Date.now() + 3_600_000) })).client()),
  /The clock here is (3599|360\d) seconds behind KMS's/,
  'maxAttempts',
)
add(
  'CLOCK_SKEW',
  'a clock that is ahead, and one attempt',
  'InvalidSignatureException',
  async () => random((await startKms({ now: ago(3_600_000) })).client()),
  /The clock here is (3600|360\d|361\d) seconds ahead of KMS's/,
)
add(
  'CLOCK_SKEW',
  'a certificate that has expired by the clock here alone',
  'ERR_KMS_TLS',
  async () => {
    const kms = await startKms({ certified: ago(2 * MONTH)() })
    await random(kms.client({ recipient: await recipientOf({ now: ago(2 * MONTH) }) }))
  },
  /is 518\d{4} seconds ahead of that of the Nitro Secure Module/,
  'has expired',
)
add(
  'CERTIFICATE_DATES',
  'a certificate that has expired, also for the module',
  'ERR_KMS_TLS',
  async () => random((await startKms({ certified: ago(2 * MONTH)() })).client()),
  'has expired',
  'agrees with that of the Nitro Secure Module',
)
add(
  'CERTIFICATE_DATES',
  'a certificate of the future, and no document',
  'ERR_KMS_TLS',
  async () => describeKey((await startKms({ certified: ago(-2 * MONTH)() })).client()),
  'is not valid yet',
)
add(
  'UNTRUSTED_CERTIFICATE',
  'somebody else’s authority',
  'ERR_KMS_TLS',
  async () => random((await startKms()).client({ trustAnchors: undefined })),
  'trustAnchors',
)
add(
  'WRONG_REGION',
  'a proxy that leads to another region',
  'ERR_KMS_TLS',
  async () => random((await startKms({ name: 'kms.eu-west-1.amazonaws.com' })).client()),
  `asks ${HOST}, but the proxy leads to KMS in eu-west-1`,
)
add(
  'WRONG_REGION',
  'a host of another region',
  'InvalidSignatureException',
  async () => random((await startKms()).client({ region: 'eu-west-1', host: HOST })),
  'signed for eu-west-1',
)
add(
  'WRONG_HOST',
  'a proxy that leads elsewhere',
  'ERR_KMS_TLS',
  async () => random((await startKms({ name: 'elsewhere.example' })).client()),
  'the certificate is for elsewhere.example',
)
add(
  'WRONG_HOST',
  'a proxy that leads to an endpoint of a VPC',
  'ERR_KMS_TLS',
  async () => random((await startKms({ name: 'vpce-1.kms.us-east-1.vpce.amazonaws.com' })).client()),
  'the certificate is for vpce-1.kms.us-east-1.vpce.amazonaws.com',
)
add(
  'NOT_TLS',
  'a proxy that leads to something without TLS',
  'ERR_KMS_TLS',
  async () => {
    const { dial } = await kept(startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    await random(clientOver(dial))
  },
  'port 443',
)
add(
  'VSOCK_UNAVAILABLE',
  'a machine without vsock',
  'ERR_VSOCK_UNAVAILABLE',
  async () => random(clientOver(undefined)),
  '`dial`',
)
add(
  'NOBODY_LISTENS',
  'a parent without a proxy',
  'ERR_KMS_CONNECTION',
  async () => {
    const transport = unixTransport(temporaryFolder())
    await random(clientOver(({ signal }) => connect({ cid: 3, port: 8000, transport, signal })))
  },
  'Nobody listens',
  'port 8000',
)
add(
  'NOBODY_LISTENS',
  'a refused connection',
  'ERR_KMS_CONNECTION',
  async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    server.close()
    await once(server, 'close')
    await random(clientOver(() => net.connect(port, '127.0.0.1')))
  },
  /Nobody listens at 127\.0\.0\.1, port \d+:/,
)
add('PROXY_BUSY', 'a proxy that hangs', 'ERR_KMS_CONNECTION', async () => {
  const path = join(temporaryFolder(), 's')
  await startStuckListener(path)
  await random(clientOver(() => net.connect(path)))
})
add(
  'HUNG_UP',
  'a proxy that hangs up',
  'ERR_KMS_CONNECTION',
  async () => random(clientOver((await kept(startTcp((socket) => socket.destroy()))).dial)),
  'allowlist',
)
add('CONNECTION_LOST', 'a connection that ends in the call', 'ERR_KMS_CONNECTION', async () =>
  random(await standIn((request) => request.socket.destroy())),
)
add(
  'TIMEOUT_DIAL',
  'a connection that nobody takes',
  'ERR_KMS_TIMEOUT',
  async () => {
    const dial = () => net.connect({ host: HOST, port: 443, lookup: () => undefined })
    await random(clientOver(dial, { connectTimeout: 50 }))
  },
  'connectTimeout',
)
add(
  'TIMEOUT_TLS',
  'a proxy that takes connections to nowhere',
  'ERR_KMS_TIMEOUT',
  async () => {
    const { dial } = await kept(startTcp(() => undefined))
    await random(clientOver(dial, { connectTimeout: 200 }))
  },
  'connectTimeout',
)
add(
  'TIMEOUT_ANSWER',
  'a KMS that thinks for too long',
  'ERR_KMS_TIMEOUT',
  async () => {
    const kms = await startKms({ verify: () => new Promise(() => undefined) })
    await random(kms.client({ requestTimeout: 200 }))
  },
  'requestTimeout',
)
add('THROTTLED', 'too many calls', 'ThrottlingException', async () =>
  random((await startKms({ faults: throttling })).client({ maxAttempts: 2 })),
)

export const CASES: readonly Case[] = cases
