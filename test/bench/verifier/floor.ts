/** The signatures alone: what no verifier on node:crypto can do without. */
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto'

/** Five verifications and four key imports; the root's key is known. */
export async function floor(document: Uint8Array, built: string): Promise<() => void> {
  const { links, message } = await read(document, built)
  const root = importKey(links[0]?.publicKeyInfo)
  return () => {
    let key = root
    for (const link of links.slice(1)) {
      check(key, link)
      key = importKey(link.publicKeyInfo)
    }
    check(key, message)
  }
}

/** One verification. */
export async function knownFloor(document: Uint8Array, built: string): Promise<() => void> {
  const { links, message } = await read(document, built)
  const key = importKey(links.at(-1)?.publicKeyInfo)
  return () => check(key, message)
}

interface Signed {
  readonly signed: Uint8Array
  /** r || s. */
  readonly signature: Uint8Array
}

interface Link extends Signed {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Buffer
}

async function read(
  document: Uint8Array,
  built: string,
): Promise<{ readonly links: readonly Link[]; readonly message: Signed }> {
  const imported = (path: string): Promise<unknown> => import(new URL(`shared/${path}`, built).href)
  const { parseAttestation } = (await imported(
    'attestation/document.js',
  )) as typeof import('../../../shared/attestation/document.js')
  const { parseCertificate } = (await imported(
    'certificate.js',
  )) as typeof import('../../../shared/certificate.js')
  const { toBeSigned } = (await imported('cose.js')) as typeof import('../../../shared/cose.js')
  const { document: parsed, envelope } = parseAttestation(document)
  const links = [...parsed.cabundle, parsed.certificate].map((der) => {
    const { tbs, signature } = parseCertificate(der)
    const { publicKey } = new X509Certificate(der)
    return { signed: tbs, signature, publicKeyInfo: publicKey.export({ format: 'der', type: 'spki' }) }
  })
  return { links, message: { signed: toBeSigned(envelope), signature: envelope.signature } }
}

function check(key: KeyObject, { signed, signature }: Signed): void {
  if (!verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('refused')
}

function importKey(publicKeyInfo: Buffer | undefined): KeyObject {
  return createPublicKey({ key: publicKeyInfo ?? Buffer.alloc(0), format: 'der', type: 'spki' })
}
