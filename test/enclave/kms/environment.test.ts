import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http, { type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, startHttps, type TestServer } from './tls-support.js'

const HOST = 'kms.eu-central-1.amazonaws.com'
const directory = mkdtempSync(join(tmpdir(), 'environment-'))
const decoy = http.createServer((request, response) => {
  decoyed.push(request.url ?? '')
  response.end('{"KeyMetadata":{"KeyId":"decoy"}}')
})
const decoyed: string[] = []
const seen: IncomingHttpHeaders[] = []
let trusted: TestServer
let extra: TestServer
let result: Record<string, unknown>

beforeAll(async () => {
  const ours = await createAuthority()
  const theirs = await createAuthority('CN=Extra Root')
  trusted = await startHttps(await ours.issue(HOST), (request, response) => {
    seen.push(request.headers)
    response.end('{}')
  })
  extra = await startHttps(await theirs.issue(HOST), (_, response) => response.end('{}'))
  decoy.listen(0, '127.0.0.1')
  await once(decoy, 'listening')
  decoy.on('connect', (_, socket) => {
    decoyed.push('CONNECT')
    socket.destroy()
  })

  const url = `http://127.0.0.1:${(decoy.address() as AddressInfo).port}`
  const extraCa = join(directory, 'extra.pem')
  writeFileSync(extraCa, theirs.certificate)
  const config = join(directory, 'config')
  const settings = {
    endpoint_url: url,
    region: 'us-east-1',
    use_fips_endpoint: 'true',
    use_dualstack_endpoint: 'true',
    max_attempts: '7',
    auth_scheme_preference: 'sigv4a',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(
    config,
    [
      '[profile evil]',
      ...lines,
      'services = evil',
      '[services evil]',
      'kms =',
      `  endpoint_url = ${url}`,
    ].join('\n'),
  )

  const child = fileURLToPath(new URL('environment-child.ts', import.meta.url))
  const { certificate: ca } = ours
  const input = JSON.stringify({ trusted: trusted.path, path: extra.path, ca })
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', child, input], {
    env: {
      PATH: process.env.PATH,
      AWS_ENDPOINT_URL: url,
      AWS_ENDPOINT_URL_KMS: url,
      AWS_PROFILE: 'evil',
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: config,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_USE_FIPS_ENDPOINT: 'true',
      AWS_USE_DUALSTACK_ENDPOINT: 'true',
      AWS_RETRY_MODE: 'adaptive',
      AWS_MAX_ATTEMPTS: '7',
      AWS_DEFAULTS_MODE: 'mobile',
      AWS_SDK_UA_APP_ID: 'evil',
      AWS_CA_BUNDLE: extraCa,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_EXTRA_CA_CERTS: extraCa,
      SSL_CERT_FILE: extraCa,
      NODE_OPTIONS: '--use-openssl-ca --tls-min-v1.0',
      HTTPS_PROXY: url,
      HTTP_PROXY: url,
      ALL_PROXY: url,
      https_proxy: url,
      NODE_USE_ENV_PROXY: '1',
    },
  })
  result = JSON.parse(stdout)
}, 60_000)

afterAll(async () => {
  decoy.close()
  await trusted.close()
  await extra.close()
  rmSync(directory, { recursive: true })
})

describe('an environment full of settings', () => {
  it('is in force: a plain client is led astray', () => {
    expect(result).toMatchObject({ plainNode: 'answered', plainClient: 'answered' })
    expect(decoyed).toEqual(['/'])
  })
  it('changes neither host nor region nor protocol', () => {
    expect(result.trusted).toBe('answered')
    expect(seen).toHaveLength(1)
    expect(seen[0]?.host).toBe(HOST)
    expect(seen[0]?.authorization).toContain('/eu-central-1/kms/aws4_request')
    expect(seen[0]?.['user-agent']).not.toContain('evil')
  })
  it('is not looked up in files', () => {
    expect(result.filesReadByOurs).toEqual([])
    expect(result.filesReadByPlain).toBeGreaterThan(0)
  })
  it('does not change whom the client trusts', () => {
    expect(result.untrusted).toBe('ERR_KMS_TLS')
  })
  it('does not change how often it tries', () => {
    expect(result.dials).toBe(3)
  })
})
