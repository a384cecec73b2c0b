/**
 * AWS Signature Version 4, verified as KMS does for a signed header request.
 * Source: IAM User Guide, "Create a signed AWS API request".
 */
import { createHash, createHmac, type Hash, type Hmac, timingSafeEqual } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { HttpRequest, SourceData } from '@smithy/types'
import {
  incompleteSignature,
  invalidSignature,
  missingAuthenticationToken,
  unrecognizedClient,
} from './errors.js'

/** Milliseconds that a request's date may lie before or after the clock. */
const MAX_SKEW = 15 * 60_000

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SERVICE = 'kms'
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
  'Access Key and signing method. Consult the service documentation for details.'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

export interface SignedRequest {
  readonly method: string
  /** Path only, without a query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface SignatureOptions {
  readonly region: string
  readonly credentials: Credentials
  readonly now: Date
}

interface Authorization {
  readonly accessKeyId: string
  /** Date, region, service, terminator. */
  readonly scope: readonly string[]
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

/**
 * Whom the request says it is of. Throws KmsError MissingAuthenticationTokenException or IncompleteSignatureException.
 */
export function accessKeyIdOf({ headers }: SignedRequest): string {
  return parseAuthorization(header(headers, 'authorization')).accessKeyId
}

/**
 * Accepts a request that these credentials signed for this region, close to `now`. Throws KmsError
 * MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException or
 * InvalidSignatureException.
 */
export async function verifySignature(request: SignedRequest, options: SignatureOptions): Promise<void> {
  const { headers } = request
  const authorization = parseAuthorization(header(headers, 'authorization'))
  const { credentials } = options
  if (authorization.accessKeyId !== credentials.accessKeyId) throw unrecognizedClient()
  if (header(headers, 'x-amz-security-token') !== credentials.sessionToken) throw unrecognizedClient()
  requireSigned(headers, authorization.signedHeaders)
  const longDate = header(headers, 'x-amz-date') ?? ''
  const date = requestDate(longDate, options.now)
  requireScope(authorization.scope, longDate, options.region)
  requireBodyHash(headers, request.body)
  const { signedHeaders, signature } = authorization
  const expected = await sign(request, signedHeaders, date, options)
  const given = Buffer.from(`SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) throw invalidSignature(MISMATCH)
}

function parseAuthorization(value: string | undefined): Authorization {
  if (value === undefined) throw missingAuthenticationToken()
  const [algorithm, rest = ''] = value.split(/ (.*)/s)
  // invented: AWS does not publish this text
  if (algorithm !== ALGORITHM) throw incompleteSignature(`The signing algorithm must be ${ALGORITHM}`)
  const parts = new Map<string, string>()
  for (const part of rest.split(',')) {
    const [, name, text = ''] = /^(Credential|SignedHeaders|Signature)=(.*)$/.exec(part.trim()) ?? []
    // invented: AWS does not publish this text
    if (name === undefined) throw incompleteSignature('Authorization header has an unknown parameter')
    // invented: AWS does not publish this text
    if (parts.has(name)) throw incompleteSignature(`Authorization header has '${name}' twice`)
    parts.set(name, text)
  }
  const need = (name: string): string => {
    const text = parts.get(name)
    if (!text) throw incompleteSignature(`Authorization header requires '${name}' parameter.`)
    return text
  }
  const [accessKeyId = '', ...scope] = need('Credential').split('/')
  const signedHeaders = need('SignedHeaders').split(';')
  return { accessKeyId, scope, signedHeaders, signature: need('Signature') }
}

/** What decides over the request must be covered by its signature. */
function requireSigned(headers: SignedRequest['headers'], signed: readonly string[]): void {
  const sensitive = ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token', 'x-amz-content-sha256']
  for (const name of sensitive) {
    const required = name === 'host' || name === 'x-amz-date' || header(headers, name) !== undefined
    // invented: AWS does not publish this text
    if (required && !signed.includes(name)) throw incompleteSignature(`'${name}' must be a signed header`)
  }
}

function requestDate(text: string, now: Date): Date {
  const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
  const date = new Date(basic.test(text) ? text.replace(basic, '$1-$2-$3T$4:$5:$6Z') : Number.NaN)
  // invented: AWS does not publish this text
  if (Number.isNaN(date.getTime())) throw incompleteSignature('x-amz-date must be in ISO-8601 basic format')
  const age = now.getTime() - date.getTime()
  const limit = compact(new Date(now.getTime() - Math.sign(age) * MAX_SKEW))
  const reckoning = `${limit} (${compact(now)} ${age > 0 ? '-' : '+'} 15 min.)`
  if (age > MAX_SKEW) throw invalidSignature(`Signature expired: ${text} is now earlier than ${reckoning}`)
  if (age < -MAX_SKEW)
    throw invalidSignature(`Signature not yet current: ${text} is still later than ${reckoning}`)
  return date
}

/** ISO 8601 basic format, in seconds. */
function compact(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, '')
}

function requireScope(scope: readonly string[], longDate: string, region: string): void {
  const wanted = [longDate.slice(0, 8), region, SERVICE, 'aws4_request']
  if (scope.join('/') !== wanted.join('/')) {
    // invented: AWS does not publish this text
    throw invalidSignature(`Credential should be scoped to ${wanted.join('/')}`)
  }
}

function requireBodyHash(headers: SignedRequest['headers'], body: Uint8Array): void {
  const claimed = header(headers, 'x-amz-content-sha256')
  const actual = createHash('sha256').update(body).digest('hex')
  // invented: AWS does not publish this text
  if (claimed !== undefined && claimed !== actual)
    throw invalidSignature('x-amz-content-sha256 is not the body')
}

/** What the credentials' owner would write: `SignedHeaders=..., Signature=...`. */
async function sign(
  request: SignedRequest,
  signedHeaders: readonly string[],
  signingDate: Date,
  { region, credentials }: SignatureOptions,
): Promise<Buffer> {
  // Without its token the signer adds no header: only what the request names is signed.
  const { accessKeyId, secretAccessKey } = credentials
  const signer = new SignatureV4({
    applyChecksum: false,
    credentials: { accessKeyId, secretAccessKey },
    region,
    service: SERVICE,
    sha256: NodeSha256,
  })
  const headers = Object.fromEntries(
    signedHeaders.flatMap((name) => {
      const value = header(request.headers, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const { method, path, body } = request
  const bare: HttpRequest = { method, path, headers, body, protocol: 'https:', hostname: '', query: {} }
  const signed = await signer.sign(bare, { signingDate, signableHeaders: new Set(signedHeaders) })
  const authorization: string = signed.headers.authorization ?? ''
  return Buffer.from(authorization.slice(authorization.indexOf('SignedHeaders=')))
}

/** Own properties only: "constructor" is no header. */
function header(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined
}

/** SHA-256, or HMAC-SHA-256 with a secret, in the form that the signer asks for. */
class NodeSha256 {
  private readonly secret: SourceData | undefined
  private state: Hash | Hmac

  constructor(secret?: SourceData) {
    this.secret = secret
    this.state = this.begin()
  }

  update(chunk: Uint8Array): void {
    this.state.update(chunk)
  }

  async digest(): Promise<Uint8Array> {
    return this.state.digest()
  }

  reset(): void {
    this.state = this.begin()
  }

  private begin(): Hash | Hmac {
    if (this.secret === undefined) return createHash('sha256')
    return createHmac('sha256', bytesOf(this.secret))
  }
}

function bytesOf(source: SourceData): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source)
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source)
}
