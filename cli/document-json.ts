/** An attestation document as JSON: bytes as hex, times in ISO 8601, null for what is absent. */

import type { Judged } from '../shared/attestation/requirement.js'
import { parseCertificate } from '../shared/certificate.js'

export function documentJson(document: Judged | undefined): Record<string, unknown> {
  return {
    moduleId: document?.moduleId ?? null,
    timestamp: document?.timestamp.toISOString() ?? null,
    digest: document?.digest ?? null,
    pcrs: document ? registersJson(document.pcrs) : null,
    publicKey: hexOrNull(document?.publicKey),
    userData: hexOrNull(document?.userData),
    nonce: hexOrNull(document?.nonce),
    debugMode: document?.debugMode ?? null,
    chain: document ? chainOf(document) : null,
  }
}

interface ChainEntry {
  readonly subject: string
  readonly notBefore: string | null
  readonly notAfter: string | null
}

/** Root first, leaf last, as the document claims them: whether they hold is the verifier's business. */
export function chainOf({ cabundle, certificate }: Judged): readonly ChainEntry[] {
  return [...cabundle, certificate].map((der) => {
    try {
      const { subjectName, notBefore, notAfter } = parseCertificate(der)
      return { subject: subjectName, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() }
    } catch {
      return { subject: '(not readable)', notBefore: null, notAfter: null }
    }
  })
}

export function registersJson(pcrs: ReadonlyMap<number, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...pcrs].map(([index, value]) => [index, Buffer.from(value).toString('hex')]))
}

function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : Buffer.from(bytes).toString('hex')
}
