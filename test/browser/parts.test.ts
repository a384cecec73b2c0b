/** The tests of the verifier's parts, each of whose calls is made over WebCrypto too: CBOR, COSE, DER, certificates, paths. */
import { vi } from 'vitest'
import { agreesInChromium, agreesOverWebCrypto, testsOf } from './agreement.js'

const { recorded, withRuns } = await vi.hoisted(() => import('./recording.js'))
const { derFields } = await vi.hoisted(() => import('./functions.js'))

vi.mock('fast-check', async (original) => withRuns(20, await original<typeof import('fast-check')>()))
vi.mock('../../shared/cbor.js', async (original) => {
  const cbor = await original<typeof import('../../shared/cbor.js')>()
  return { ...cbor, decodeCbor: recorded('decodeCbor', cbor.decodeCbor) }
})
vi.mock('../../shared/cose.js', async (original) => {
  const cose = await original<typeof import('../../shared/cose.js')>()
  return { ...cose, parseSign1: recorded('parseSign1', cose.parseSign1) }
})
vi.mock('../../shared/der.js', async (original) => {
  const der = await original<typeof import('../../shared/der.js')>()
  return { ...der, readDer: recorded('readDer', der.readDer, derFields) }
})
vi.mock('../../shared/certificate.js', async (original) => {
  const certificate = await original<typeof import('../../shared/certificate.js')>()
  return { ...certificate, parseCertificate: recorded('parseCertificate', certificate.parseCertificate) }
})
vi.mock('../../shared/certificate-path.js', async (original) => {
  const path = await original<typeof import('../../shared/certificate-path.js')>()
  return {
    ...path,
    verifyCertificatePath: (...[given, primitives, known]: Parameters<typeof path.verifyCertificatePath>) => {
      const verify = (one: typeof given) => path.verifyCertificatePath(one, primitives, known)
      return recorded('certificatesOfPath', verify, ({ certificates }) => certificates)(given)
    },
  }
})
vi.mock('../../shared/attestation/document.js', async (original) => {
  const document = await original<typeof import('../../shared/attestation/document.js')>()
  return { ...document, parseAttestation: recorded('parseAttestation', document.parseAttestation) }
})
vi.mock('../../shared/crypto/web.js', async (original) => {
  const { webPrimitives } = await original<typeof import('../../shared/crypto/web.js')>()
  const verify = async (point: Uint8Array, data: Uint8Array, signature: Uint8Array) =>
    await webPrimitives.verify(await webPrimitives.importKey(point), data, signature)
  return {
    webPrimitives: {
      ...webPrimitives,
      importKey: (point: Uint8Array) => point,
      verify: recorded('verifySignature', verify),
    },
  }
})

testsOf('CBOR', () => import('../shared/cbor.test.js'))
testsOf('CBOR written', () => import('../shared/cbor-writing.test.js'))
testsOf('CBOR of RFC 8949', () => import('../shared/cbor-vectors.test.js'))
testsOf('malformed CBOR of RFC 8949', () => import('../shared/cbor-malformed-vectors.test.js'))
testsOf('simple values of CBOR', () => import('../shared/cbor-simple-values.test.js'))
testsOf('hostile CBOR', () => import('../shared/hostile/cbor.test.js'))
testsOf('COSE', () => import('../shared/cose.test.js'))
testsOf('COSE of others', () => import('../shared/cose-vectors.test.js'))
testsOf('hostile COSE', () => import('../shared/hostile/cose.test.js'))
testsOf('DER', () => import('../shared/der.test.js'))
testsOf('hostile DER', () => import('../shared/hostile/der.test.js'))
testsOf('certificates', () => import('../shared/certificate.test.js'))
testsOf('certificates without extensions', () => import('../shared/certificate-without-extensions.test.js'))
testsOf('paths', () => import('../shared/certificate-path.test.js'))
testsOf('documents', () => import('../shared/attestation/document.test.js'))
testsOf('signatures', () => import('../shared/crypto/wycheproof.test.js'))

const LEAST = {
  decodeCbor: 500,
  readDer: 100,
  parseSign1: 50,
  parseCertificate: 100,
  certificatesOfPath: 80,
  parseAttestation: 30,
  verifySignature: 280,
}
agreesOverWebCrypto(LEAST)
agreesInChromium(LEAST)
