/** Everything at once: what becomes of 200 parallel calls while all that they rest on changes. */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import {
  CreateKeyCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  type KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms'
import { expect, it } from 'vitest'
import { fromParent } from '../../enclave/kms/parent-credentials.js'
import { rotatingRecipient } from '../../enclave/kms/rotating-recipient.js'
import type { Nsm } from '../../enclave/nsm/requests.js'
import { writeCredentials } from '../../shared/credentials/container-shape.js'
import { NitroEnclaveError } from '../../shared/errors.js'
import { connect, unixTransport } from '../../shared/vsock/index.js'
import { createAccount } from '../../simulator/kms/account.js'
import { createFaults } from '../../simulator/kms/faults.js'
import { administratorOf, enclavePolicy, roleSessionArn } from '../../simulator/kms/identities.js'
import {
  newRoleCredentials,
  newUserCredentials,
  type RoleCredentials,
} from '../../simulator/kms/new-credentials.js'
import { parsePolicy } from '../../simulator/kms/policy/policy-document.js'
import type { Principal } from '../../simulator/kms/policy/principal.js'
import { temporaryFolder } from '../support/cli.js'
import { enclaveClient, identity, nsm, startLoopbackKms } from '../support/loopback-kms.js'
import { startProxyProcess } from '../support/proxy-process.js'

const CALLS = 200
const REGION = 'us-east-1'

/** KMS in bad shape, behind a proxy that also serves the role's credentials. */
const setUp = async () => {
  const account = createAccount({ region: REGION })
  const faults = createFaults()
  const given: ReturnType<typeof faults.next>[] = []
  const user = newUserCredentials()
  const administrator = administratorOf(account, user)
  const policy = parsePolicy(enclavePolicy(identity.pcrs.get(0) ?? new Uint8Array()))
  const arn = roleSessionArn(account, 'storm')
  const sessions: Principal[] = []
  const kms = await startLoopbackKms({
    account,
    principals: () => [administrator, ...sessions],
    faults: () => {
      const fault = faults.next()
      if (fault !== undefined) given.push(fault)
      return fault
    },
  })

  const folder = temporaryFolder()
  const path = join(folder, 'credentials.json')
  /** The role has others from now on; those that it had are no longer good. */
  const renewCredentials = () => {
    const credentials: RoleCredentials = newRoleCredentials()
    writeFileSync(`${path}.new`, writeCredentials(credentials))
    renameSync(`${path}.new`, path)
    const last = sessions.pop()
    if (last !== undefined) sessions.push({ ...last, expiration: new Date() })
    sessions.push({ credentials, arn, policy })
  }
  renewCredentials()
  const { to, allowlist, dns } = kms
  const startProxy = () =>
    startProxyProcess(
      () => ({
        allowlist,
        dns,
        listeners: [
          { listen: `unix:${folder}:8000`, to },
          { listen: `unix:${folder}:8001`, credentials: { source: 'file', path } },
        ],
      }),
      {},
      folder,
    )

  const transport = unixTransport(folder)
  /** Public keys in the documents. */
  const attested = new Set<string>()
  const counting: Nsm = {
    close: () => undefined,
    request: (request) => {
      if (request.type === 'Attestation') attested.add(Buffer.from(request.publicKey ?? []).toString('hex'))
      return nsm.request(request)
    },
  }
  const enclave = enclaveClient({
    recipient: await rotatingRecipient({ nsm: counting, maxCalls: 40 }),
    credentials: fromParent({ transport }),
    dial: ({ signal } = {}) => connect({ cid: 3, port: 8000, transport, signal }),
    maxAttempts: 8,
  })
  const port = Number(to.split(':')[1])
  const admin = enclaveClient({
    recipient: undefined,
    credentials: user,
    dial: () => net.connect(port, '127.0.0.1'),
  })
  return { enclave, admin, faults, given, attested, renewCredentials, startProxy }
}

const keyOf = async (admin: KMSClient, input: ConstructorParameters<typeof CreateKeyCommand>[0] = {}) => {
  const { KeyMetadata } = await admin.send(new CreateKeyCommand(input))
  return KeyMetadata?.Arn ?? ''
}

const spki = (key: KeyObject) => key.export({ format: 'der', type: 'spki' })
const bytes = (value: Uint8Array | undefined) => Buffer.from(value ?? new Uint8Array())

/** A call, and how to see afterwards that its result is its own. */
type Call = () => Promise<() => Promise<void>>

/** Five kinds of calls, each with data that no other has. */
const makeCalls = async (enclave: KMSClient, admin: KMSClient): Promise<readonly Call[]> => {
  const KeyId = await keyOf(admin)
  const agreement = await keyOf(admin, { KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' })
  const { PublicKey } = await admin.send(new GetPublicKeyCommand({ KeyId: agreement }))
  const publicKey = createPublicKey({ key: bytes(PublicKey), format: 'der', type: 'spki' })
  const decrypted = async (
    CiphertextBlob: Uint8Array | undefined,
    EncryptionContext: Record<string, string>,
  ) => bytes((await admin.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }))).Plaintext)
  const randoms = new Set<string>()

  const kinds: readonly ((index: number) => Promise<Call>)[] = [
    async (index) => async () => {
      const { Plaintext } = await enclave.send(new GenerateRandomCommand({ NumberOfBytes: 32 + index }))
      return async () => {
        expect(Plaintext).toHaveLength(32 + index)
        const hex = bytes(Plaintext).toString('hex', 0, 32)
        expect(randoms).not.toContain(hex)
        randoms.add(hex)
      }
    },
    async (index) => {
      const Plaintext = Buffer.from(`plaintext ${index}`)
      const EncryptionContext = { index: String(index) }
      const { CiphertextBlob } = await admin.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }))
      return async () => {
        const answer = await enclave.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext }))
        return async () => expect(bytes(answer.Plaintext)).toEqual(Plaintext)
      }
    },
    async (index) => async () => {
      const EncryptionContext = { index: String(index) }
      const answer = await enclave.send(
        new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
      )
      return async () =>
        expect(bytes(answer.Plaintext)).toEqual(await decrypted(answer.CiphertextBlob, EncryptionContext))
    },
    async (index) => async () => {
      const EncryptionContext = { index: String(index) }
      const answer = await enclave.send(
        new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256', EncryptionContext }),
      )
      return async () => {
        const key = bytes(answer.PrivateKeyPlaintext)
        const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
        expect(spki(createPublicKey(privateKey))).toEqual(bytes(answer.PublicKey))
        expect(key).toEqual(await decrypted(answer.PrivateKeyCiphertextBlob, EncryptionContext))
      }
    },
    async () => {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-384' })
      return async () => {
        const { SharedSecret } = await enclave.send(
          new DeriveSharedSecretCommand({
            KeyId: agreement,
            KeyAgreementAlgorithm: 'ECDH',
            PublicKey: spki(own.publicKey),
          }),
        )
        return async () =>
          expect(bytes(SharedSecret)).toEqual(diffieHellman({ privateKey: own.privateKey, publicKey }))
      }
    },
  ]
  const rounds = Array.from({ length: CALLS / kinds.length }, (_, index) => index)
  return Promise.all(rounds.flatMap((index) => kinds.map((kind) => kind(index))))
}

/** Of this SDK, or of KMS, each with a name that programs can match on. */
const isTyped = (error: unknown): boolean =>
  error instanceof NitroEnclaveError || (error instanceof KMSServiceException && error.name !== 'Error')

it('every call ends in its own result or in a typed error', { timeout: 120_000 }, async () => {
  const { enclave, admin, faults, given, attested, renewCredentials, startProxy } = await setUp()
  const calls = await makeCalls(enclave, admin)
  let proxy = await startProxy()
  const restart = async () => {
    proxy.signal('SIGKILL')
    await proxy.exited
    proxy = await startProxy()
  }
  const events = new Map<number, () => unknown>([
    [40, renewCredentials],
    [90, restart],
    [150, renewCredentials],
  ])
  const happened: unknown[] = []

  faults.set({ throttling: 0.05, internal: 0.05 })
  let settled = 0
  const outcomes = await Promise.allSettled(
    calls.map((call) =>
      call().finally(() => {
        settled += 1
        happened.push(events.get(settled)?.())
      }),
    ),
  )
  await Promise.all(happened)
  faults.set(undefined)

  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') await outcome.value()
    else expect(outcome.reason).toSatisfy(isTyped)
  }
  // What was to happen did; those that the restart did not meet have succeeded; and the way is open again.
  expect(given.map((fault) => (fault instanceof Error ? fault.name : fault))).toEqual(
    expect.arrayContaining(['ThrottlingException', 'KMSInternalException']),
  )
  expect(attested.size).toBeGreaterThanOrEqual(CALLS / 40)
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(CALLS / 4)
  const { Plaintext } = await enclave.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))
  expect(Plaintext).toHaveLength(32)
})
