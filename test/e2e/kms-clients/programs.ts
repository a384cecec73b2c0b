/** Programs of others that speak to KMS, run with nothing of the caller's environment. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Ready } from '../../support/kms-process.js'

const AWS = '/usr/bin/aws'
const PYTHON = '/usr/bin/python3'

const works = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0

export const present = {
  awscli: works(AWS, '--version'),
  boto3: works(PYTHON, '-c', 'import boto3'),
  curl: works('curl', '--version'),
  openssl: works('openssl', 'version'),
}

/** Nothing of the caller's: no profile, no region, no credentials. */
const environmentOf = (home: string, more: Readonly<Record<string, string>> = {}) => ({
  PATH: '/usr/bin:/bin',
  HOME: home,
  LANG: 'C.UTF-8',
  ...more,
})

/** `aws kms …`; gives its JSON. */
export async function aws(ready: Ready, home: string, ...args: readonly string[]): Promise<unknown> {
  const env = environmentOf(home, {
    AWS_ACCESS_KEY_ID: ready.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ready.secretAccessKey,
    AWS_MAX_ATTEMPTS: '1',
    ...(ready.ca !== null && { AWS_CA_BUNDLE: ready.ca }),
  })
  const common = ['--endpoint-url', ready.endpoint, '--region', ready.region, '--output', 'json']
  const { stdout } = await promisify(execFile)(AWS, ['kms', ...args, ...common], { env })
  return stdout === '' ? undefined : JSON.parse(stdout)
}

/** Runs boto3_calls.py; gives its JSON. */
export async function boto3(ready: Ready, home: string): Promise<unknown> {
  const script = resolve(import.meta.dirname, 'boto3_calls.py')
  return JSON.parse(await piped(PYTHON, [script], environmentOf(home), JSON.stringify(ready)))
}

/** curl --aws-sigv4; gives the answer's JSON, an error's as well. */
export async function curl(ready: Ready, home: string, operation: string, input: object): Promise<unknown> {
  const args = ['--silent', '--show-error', '--config', '-', '--aws-sigv4', `aws:amz:${ready.region}:kms`]
  if (ready.ca !== null) args.push('--cacert', ready.ca)
  const quoted = (text: string) => JSON.stringify(text)
  // By standard input: credentials and documents are no arguments.
  const config = [
    `url = ${quoted(ready.endpoint)}`,
    `user = ${quoted(`${ready.accessKeyId}:${ready.secretAccessKey}`)}`,
    'header = "Content-Type: application/x-amz-json-1.1"',
    `header = ${quoted(`X-Amz-Target: TrentService.${operation}`)}`,
    `data-raw = ${quoted(JSON.stringify(input))}`,
  ]
  return JSON.parse(await piped('curl', args, environmentOf(home), config.join('\n')))
}

async function piped(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<string> {
  const child = spawn(program, args, { env, stdio: 'pipe' })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors}`)
  return output
}
