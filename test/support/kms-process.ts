/** `nitro-enclave kms` in a process of its own, as a developer of any language would run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateKeyCommand, GenerateRandomCommand, KMSClient } from '@aws-sdk/client-kms'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { onTestFinished } from 'vitest'

/** The line that it prints when it is ready. */
export interface Ready {
  readonly endpoint: string
  readonly ca: string | null
  readonly attestationRoot: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly state: string
}

export interface KmsProcess {
  readonly child: ChildProcess
  readonly ready: Ready
  /** What it has logged so far. */
  readonly log: string
  /** What it has printed so far. */
  readonly printed: string
  /** Waits for a line of its log. */
  line(pattern: RegExp): Promise<string>
  signal(name: NodeJS.Signals): void
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

const BIN = resolve('bin/nitro-enclave')

/** Resolves when it is ready; rejects with what it said when it ends before. Whoever starts it kills it. */
export async function spawnKms(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [BIN, 'kms', ...flags], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  let [log, printed] = ['', '']
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  await new Promise<void>((ready, failed) => {
    child.stdout.on('data', (chunk) => {
      printed += chunk
      if (printed.includes('\n')) ready()
    })
    void exited.then((code) => failed(new Error(`nitro-enclave kms ended with ${code}: ${log}`)))
  })
  const started: KmsProcess = {
    child,
    ready: JSON.parse(printed) as Ready,
    get log() {
      return log
    },
    get printed() {
      return printed
    },
    line: async (pattern) => {
      for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(5)) {
        const found = log.split('\n').find((one) => pattern.test(one))
        if (found !== undefined) return found
      }
      throw new Error(`no line ${pattern} in ${log}`)
    },
    signal: (name) => void child.kill(name),
    exited,
  }
  return started
}

/** Ends it as a person would, so that it takes its folder away. */
export async function endKms(kms: KmsProcess | undefined): Promise<void> {
  const timer = setTimeout(() => kms?.signal('SIGKILL'), 10_000)
  kms?.signal('SIGTERM')
  await kms?.exited
  clearTimeout(timer)
}

/** One that ends with the test. */
export async function startKms(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const kms = await spawnKms(flags, env)
  onTestFinished(() => endKms(kms))
  return kms
}

/** The SDK's own client of it, with nothing of this project; it ends with the test. */
export function clientOf({ endpoint, ca, region, accessKeyId, secretAccessKey }: Ready): KMSClient {
  const httpsAgent = new https.Agent({ keepAlive: true, ...(ca !== null && { ca: readFileSync(ca) }) })
  const client = new KMSClient({
    region,
    endpoint,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: new NodeHttpHandler({ httpsAgent }),
    maxAttempts: 1,
  })
  onTestFinished(() => client.destroy())
  return client
}

/** Length of the bytes that it gives. */
export const random = async (client: KMSClient, length = 32): Promise<number | undefined> =>
  (await client.send(new GenerateRandomCommand({ NumberOfBytes: length }))).Plaintext?.length

/** ARN. */
export const createKey = async (client: KMSClient): Promise<string> =>
  (await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? ''
