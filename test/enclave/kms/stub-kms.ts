/** KMS in a few lines: any user's KMSClient whose requests a function answers, and a recipient that it can seal to. */
import type { webcrypto } from 'node:crypto'
import { KMSClient } from '@aws-sdk/client-kms'
import { type NitroRecipientOptions, nitroRecipient } from '../../../enclave/kms/middleware.js'
import type { Recipient, RecipientSource } from '../../../enclave/kms/recipient.js'
import type { Nsm, NsmRequest } from '../../../enclave/nsm/requests.js'
import { importPublicKey, seal } from './support.js'

export const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
export const OTHER_ARN = 'arn:aws:kms:eu-central-1:999999999999:key/9999abcd-12ab-34cd-56ef-1234567890ab'

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export type Body = Record<string, unknown>

/** A module whose document is the public key alone, and whose random bytes count up: first block 0, 1, 2... */
export function stubNsm(
  meanwhile: (type: NsmRequest['type']) => unknown = () => undefined,
): Nsm & { readonly asked: NsmRequest[] } {
  const asked: NsmRequest[] = []
  return {
    asked,
    async request(request) {
      asked.push(request)
      await meanwhile(request.type)
      const first = asked.filter(({ type }) => type === 'GetRandom').length - 1
      return (
        request.type === 'Attestation'
          ? { type: 'Attestation', document: request.publicKey }
          : { type: 'GetRandom', random: Uint8Array.from({ length: 256 }, (_, i) => first + i) }
      ) as never
    },
    close: () => undefined,
  }
}

/** What KMS answers to one request: a body, or its refusal. */
export type Answer = (body: Body, operation: string) => Promise<Body | Refusal> | Body | Refusal

export class Refusal {
  readonly name: string
  readonly message: string

  constructor(name: string, message: string) {
    this.name = name
    this.message = message
  }
}

/** A client, and the bodies as they would have gone over the wire. */
export function stubClient(
  recipient: Recipient | RecipientSource,
  answer: Answer,
  options?: NitroRecipientOptions,
): { client: KMSClient; sent: Body[] } {
  const sent: Body[] = []
  const client = new KMSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: { body: Uint8Array; headers: Record<string, string> }) => {
        const body = JSON.parse(new TextDecoder().decode(request.body))
        sent.push(body)
        const said = await answer(body, String(request.headers['x-amz-target']).replace('TrentService.', ''))
        const [statusCode, text] =
          said instanceof Refusal ? [400, { __type: said.name, message: said.message }] : [200, said]
        return { response: { statusCode, headers: {}, body: Buffer.from(JSON.stringify(text)) } }
      },
    } as never,
  })
  client.middlewareStack.use(nitroRecipient(recipient, options))
  return { client, sent }
}

/** `plaintext` under the public key that stubNsm made the document of. */
export async function sealedTo(body: Body, plaintext: Uint8Array): Promise<string> {
  const { AttestationDocument } = body.Recipient as { AttestationDocument: string }
  return base64(await seal(plaintext, await publicKeyIn(AttestationDocument)))
}

function publicKeyIn(document: string): Promise<webcrypto.CryptoKey> {
  return importPublicKey(Buffer.from(document, 'base64'))
}
