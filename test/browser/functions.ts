/** What is called in the page: the tree of `nitro-enclave-sdk/attestation` over WebCrypto, from its face to its parsers. */
import {
  type Examination,
  examineAttestation,
  examineNitroTpmAttestation,
  parseAttestation,
  parseNitroTpmAttestation,
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
  type VerifyManyOptions,
  verifyAttestation,
  verifyMany,
  verifyNitroTpmAttestation,
} from '../../shared/attestation/web.js'
import { decodeCbor } from '../../shared/cbor.js'
import { parseCertificate } from '../../shared/certificate.js'
import { type CertificatePath, verifyCertificatePath } from '../../shared/certificate-path.js'
import { parseSign1 } from '../../shared/cose.js'
import { webPrimitives } from '../../shared/crypto/web.js'
import { type DerValue, readDer } from '../../shared/der.js'
import { fromJson, toJson } from './transfer.js'

export const FUNCTIONS = {
  verifyAttestation,
  examineAttestation,
  verifyNitroTpmAttestation,
  examineNitroTpmAttestation,
  pcr3OfRole,
  pcr4OfInstance,
  pcr8OfCertificate,
  verifyMany: async (documents: readonly Uint8Array[], options: VerifyManyOptions) => {
    const examinations: Examination[] = []
    for await (const examination of verifyMany(documents, options)) examinations.push(examination)
    return examinations
  },
  parseAttestation,
  parseNitroTpmAttestation,
  parseCertificate,
  parseSign1,
  decodeCbor,
  readDer: (bytes: Uint8Array) => derFields(readDer(bytes)),
  certificatesOfPath: async (path: CertificatePath) =>
    (await verifyCertificatePath(path, webPrimitives)).certificates,
  /** `point` and `signature` as in Primitives. */
  verifySignature: async (point: Uint8Array, data: Uint8Array, signature: Uint8Array) =>
    await webPrimitives.verify(await webPrimitives.importKey(point), data, signature),
}

/** A value without its class. */
export function derFields({ tagClass, tag, constructed, content, encoding, children }: DerValue): object {
  return { tagClass, tag, constructed, content, encoding, children: children.map(derFields) }
}

export type FunctionName = keyof typeof FUNCTIONS

export function answered(answer: unknown): string {
  return toJson({ answer })
}

export function thrown(error: unknown): string {
  return toJson({ thrown: error })
}

/** What a call answers, or throws, or rejects with. */
export async function answerOf(call: () => unknown): Promise<string> {
  try {
    return answered(await call())
  } catch (error) {
    return thrown(error)
  }
}

/** `args`: JSON of an array of arguments. */
export function answer(name: FunctionName, args: string): Promise<string> {
  const called = FUNCTIONS[name] as (...given: readonly unknown[]) => unknown
  return answerOf(() => called(...(fromJson(args) as unknown[])))
}
