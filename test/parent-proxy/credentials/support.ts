/** Services that hand out credentials, on loopback, and what must never be shown of them. */
import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import { inspect } from 'node:util'
import { expect, onTestFinished, vi } from 'vitest'
import { type Credentials, writeCredentials } from '../../../shared/credentials/container-shape.js'

export const HOUR = 3_600_000

/** Of a role: planted, to be looked for wherever something is shown. */
export const planted = (lifetime = HOUR): Required<Credentials> => ({
  accessKeyId: 'ASIAPLANTED',
  secretAccessKey: 'planted/secret',
  sessionToken: 'planted//token==',
  // Without milliseconds, as AWS writes them.
  expiration: new Date(Math.floor((Date.now() + lifetime) / 1_000) * 1_000),
})

/** What the services here give unless told otherwise. */
export const ROLE = planted()
export const ROLE_JSON = writeCredentials(ROLE)

/** Whatever a log, a debugger or a JSON document could show of a value. */
export const expectNothingPlanted = (...values: readonly unknown[]): void => {
  for (const value of values) {
    const shown = inspect(value, { depth: 20, showHidden: true, getters: true })
    const text = value instanceof Error ? `${value.stack} ${value.message}` : ''
    expect(`${shown} ${JSON.stringify(value)} ${text}`).not.toMatch(/planted/i)
  }
}

/** Set for this test only. Nothing of the machine's own AWS configuration is seen. */
export const environment = (variables: Readonly<Record<string, string>>): void => {
  const clean = {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PROFILE: undefined,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined,
    AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: undefined,
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: undefined,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: undefined,
    AWS_ENDPOINT_URL: undefined,
    AWS_ENDPOINT_URL_STS: undefined,
  }
  for (const [name, value] of Object.entries({ ...clean, ...variables })) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
}

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** What a service says: a status and a text; nothing at all for undefined. */
export type Reply = readonly [status: number, text: string] | undefined

export const startService = async (reply: (request: Seen) => Reply) => {
  const seen: Seen[] = []
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url: path = '', headers } = request
    const one = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') }
    seen.push(one)
    const answer = reply(one)
    if (answer !== undefined)
      response.writeHead(answer[0], { 'x-amzn-requestid': 'request-1' }).end(answer[1])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen }
}

const TOKEN = 'token'
const ROLES = '/latest/meta-data/iam/security-credentials/'

/** The instance metadata service, version 2 (EC2 User Guide, "Use the Instance Metadata Service"); `role` answers for it. */
export const startImds = async (
  role: () => Reply = () => [200, ROLE_JSON],
  token: () => Reply = () => [200, TOKEN],
) => {
  const service = await startService(({ method, path, headers }) => {
    if (method === 'PUT' && path === '/latest/api/token') {
      return headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined ? [400, ''] : token()
    }
    if (headers['x-aws-ec2-metadata-token'] !== TOKEN) return [401, '']
    if (path === ROLES) return [200, 'parent-role\n']
    return path === `${ROLES}parent-role` ? role() : [404, '']
  })
  environment({ AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url })
  return service
}
