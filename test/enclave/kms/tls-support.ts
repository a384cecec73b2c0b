import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface Identity {
  readonly key: string
  readonly cert: string
}

export interface Authority {
  /** PEM. */
  readonly certificate: string
  issue(host: string, lifetime?: { notBefore: Date; notAfter: Date }): Promise<Identity>
}

const DAY = 86_400_000
const today = () => ({ notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) })
const keyPair = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

/** A certificate authority of a test's own. */
export async function createAuthority(name = 'CN=Test Root'): Promise<Authority> {
  const keys = await keyPair()
  const root = await X509CertificateGenerator.createSelfSigned(
    {
      name,
      keys,
      ...today(),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  )
  return {
    certificate: root.toString('pem'),
    async issue(host, lifetime = today()) {
      const leafKeys = await keyPair()
      const leaf = await X509CertificateGenerator.create(
        {
          subject: `CN=${host}`,
          issuer: root.subject,
          ...lifetime,
          publicKey: leafKeys.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: ALGORITHM,
          extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
        },
        webcrypto,
      )
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey)
      const body = Buffer.from(pkcs8).toString('base64')
      return {
        key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
        cert: leaf.toString('pem'),
      }
    },
  }
}

export interface TestServer {
  /** A Unix socket's path. */
  readonly path: string
  /** A new connection; each one is remembered in `carriers`. */
  readonly dial: () => net.Socket
  readonly carriers: net.Socket[]
  close(): Promise<void>
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export function startHttps(identity: https.ServerOptions, handler: Handler): Promise<TestServer> {
  return listen(https.createServer(identity, handler))
}

export function startTcp(handler: (socket: net.Socket) => void): Promise<TestServer> {
  return listen(net.createServer(handler))
}

async function listen(server: net.Server): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'kms-'))
  const path = join(directory, 's')
  const open = new Set<net.Socket>()
  server.on('connection', (socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => undefined))
  })
  server.on('tlsClientError', () => undefined)
  server.listen(path)
  await once(server, 'listening')
  const carriers: net.Socket[] = []
  return {
    path,
    carriers,
    dial: () => {
      const socket = net.connect(path)
      carriers.push(socket)
      return socket
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
      rmSync(directory, { recursive: true })
    },
  }
}
