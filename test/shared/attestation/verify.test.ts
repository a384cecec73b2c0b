import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { signSign1 } from '../../../shared/cose-signature.js'
import { UsageError, VerificationError } from '../../../shared/errors.js'
import { createInstanceAuthority, issueEnclaveCertificate } from '../../../simulator/authority.js'
import { type Fields, PCRS, payload, signed, signedBy, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, type Difference, NOW, type Place, TO } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

const HOUR = 3_600_000
const verify = ({ bytes, roots }: Awaited<ReturnType<typeof signed>>, now = NOW) =>
  verifyAttestation(bytes, { roots, now, maxAge: Number.POSITIVE_INFINITY })

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})
const refusedWith = (fields: Fields) =>
  code(() => verifyAttestation(signedBy(chain, fields), { roots: [chain.root], now: NOW }))

describe('a genuine document', () => {
  it('gives its fields and its chain, root first', async () => {
    const { document, chain: links } = await verify(await signed({ nonce: Uint8Array.of(7) }))
    expect(document.pcrs).toEqual(PCRS)
    expect(document.nonce).toEqual(Uint8Array.of(7))
    const places = ['root', 'regional', 'zonal', 'instance', 'leaf']
    expect(links.map(({ subject }) => subject)).toEqual(
      places.map((place) => `C=US, O=test, CN=${place}.test`),
    )
    expect(links[4]?.notAfter).toEqual(TO)
  })

  it('may stand in memory that threads share', async () => {
    const { bytes, roots } = await signed()
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    await expect(verify({ bytes: shared, roots })).resolves.toBeDefined()
  })

  it('of the simulator is genuine under its own root alone', async () => {
    const now = () => NOW
    const authority = await createInstanceAuthority({
      region: 'eu-central-1',
      instanceId: 'i-simulated0',
      now,
    })
    const enclave = await issueEnclaveCertificate(authority, 'i-simulated0-enc0', NOW)
    const { certificate, key } = enclave
    const bytes = signSign1(payload({ certificate, cabundle: authority.cabundle }), key)
    const roots = authority.cabundle.slice(0, 1)
    await expect(verifyAttestation(bytes, { roots, now: NOW })).resolves.toBeDefined()
    expect(await code(() => verifyAttestation(bytes, { now: NOW }))).toBe('ERR_CERTIFICATE_UNTRUSTED_ROOT')
  })

  it('is not asked for its form alone: a NitroTPM is refused though its signature is good', async () => {
    expect(await refusedWith({ nitrotpm_pcrs: PCRS, pcrs: undefined })).toBe('ERR_DOCUMENT_NITROTPM')
    expect(await refusedWith({ nitrotpm_pcrs: PCRS })).toBe('ERR_DOCUMENT_NITROTPM')
  })

  it('without pcrs is refused though its signature is good', async () => {
    expect(await refusedWith({ pcrs: undefined })).toBe('ERR_DOCUMENT_FIELD_MISSING')
  })
})

describe('a document that is not genuine', () => {
  it('was signed by another key than its certificate’s', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const { certificate, cabundle, root } = chain
    const bytes = signSign1(payload({ certificate, cabundle }), privateKey)
    expect(await code(() => verify({ bytes, roots: [root] }))).toBe('ERR_COSE_SIGNATURE')
  })

  it('was signed by an authority of the chain instead of the leaf', async () => {
    const { certificate = new Uint8Array(), cabundle, root } = { ...chain, certificate: chain.cabundle[3] }
    const bytes = signedBy({ ...chain, certificate, cabundle: cabundle.slice(0, 3) })
    expect(await code(() => verify({ bytes, roots: [root] }))).toBe('ERR_CERTIFICATE_IS_CA')
  })

  it.each<[string, Partial<Record<Place, Difference>>, string]>([
    [
      'has an expired leaf',
      { leaf: { notAfter: new Date(NOW.getTime() - 1000) } },
      'ERR_CERTIFICATE_EXPIRED',
    ],
    ['has a leaf that is a CA', { leaf: { ca: true } }, 'ERR_CERTIFICATE_IS_CA'],
    ['has a path that is too long', { zonal: { pathLength: 0 } }, 'ERR_CERTIFICATE_PATH_LENGTH'],
    ['has a leaf signed over SHA-256', { leaf: { hash: 'SHA-256' } }, 'ERR_CERTIFICATE_ALGORITHM'],
  ])('%s', async (_, differences, expected) => {
    const document = await signed({}, differences)
    const error = await refusal(() => verify(document))
    expect(error).toBeInstanceOf(VerificationError)
    expect(error.code).toBe(expected)
  })

  it('has a certificate that is no certificate', async () => {
    expect(await refusedWith({ certificate: new Uint8Array(100) })).toBe('ERR_CERTIFICATE_MALFORMED')
    expect(await refusedWith({ cabundle: [chain.root, new Uint8Array(100)] })).toBe(
      'ERR_CERTIFICATE_MALFORMED',
    )
  })

  it('is a forgery before it is a breach of policy', async () => {
    const bytes = signedBy(chain, { pcrs: ZERO_PCRS })
    const last = bytes.length - 1
    const forged = bytes.map((byte, index) => (index === last ? byte ^ 1 : byte))
    const options = { roots: [chain.root], now: NOW, pcrs: { 0: 'ff'.repeat(48) }, nonce: Uint8Array.of(1) }
    const error = await refusal(() => verifyAttestation(forged, options))
    expect(error).toBeInstanceOf(VerificationError)
    expect(error.code).toBe('ERR_COSE_SIGNATURE')
  })

  it('has expired certificates before it is in debug mode or too old', async () => {
    const document = await signed({ pcrs: ZERO_PCRS })
    const now = new Date(TO.getTime() + HOUR)
    const error = await refusal(() => verifyAttestation(document.bytes, { roots: document.roots, now }))
    expect(error).toBeInstanceOf(VerificationError)
    expect(error.code).toBe('ERR_CERTIFICATE_EXPIRED')
  })

  it('is no sooner trusted for an unlimited age: certificates have their own dates', async () => {
    const document = await signed()
    expect(await code(() => verify(document, new Date(TO.getTime() + 1)))).toBe('ERR_CERTIFICATE_EXPIRED')
  })
})

describe('options that mean nothing', () => {
  const options = (more: object) => ({ roots: [chain.root], now: NOW, ...more })

  it.each<[string, object]>([
    ['an invalid Date as now', { now: new Date(Number.NaN) }],
    ['a number as now', { now: NOW.getTime() }],
    ['a text as now', { now: NOW.toISOString() }],
    ['a root that is no certificate', { roots: ['root.pem'] }],
    ['a root that is null', { roots: [null] }],
    ['roots that are one PEM text', { roots: 'PEM' }],
    ['a misspelt requirement', { pcr: { 0: '00'.repeat(48) } }],
    ['a set of registers', { pcrs: new Set(['00'.repeat(48)]) }],
  ])('refuses %s', async (_, more) => {
    const bytes = signedBy(chain)
    const error = await refusal(() => verifyAttestation(bytes, options(more) as never))
    expect([error instanceof UsageError, error.code]).toEqual([true, 'ERR_USAGE'])
  })

  it.each<[string, (bytes: Uint8Array) => unknown]>([
    ['base64', (bytes) => Buffer.from(bytes).toString('base64')],
    ['an ArrayBuffer', (bytes) => bytes.slice().buffer],
    ['an array of numbers', (bytes) => [...bytes]],
    ['nothing', () => undefined],
  ])('refuses a document given as %s', async (_, given) => {
    const bytes = given(signedBy(chain)) as Uint8Array
    const error = await refusal(() => verifyAttestation(bytes, options({})))
    expect([error instanceof UsageError, error.message]).toEqual([true, 'the document is not a Uint8Array'])
  })

  it('is no list of roots without any', async () => {
    const error = await refusal(() => verifyAttestation(signedBy(chain), options({ roots: [] })))
    expect(error.code).toBe('ERR_USAGE')
  })

  it('takes a root in PEM as well as in DER', async () => {
    const base64 = Buffer.from(chain.root).toString('base64')
    const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
    await expect(verifyAttestation(signedBy(chain), options({ roots: [pem] }))).resolves.toBeDefined()
  })

  it('judges by the clock when no time is given', async () => {
    const now = new Date()
    const notAfter = new Date(now.getTime() + HOUR)
    const places = ['root', 'regional', 'zonal', 'instance', 'leaf'] as const
    const fresh = await signed(
      { timestamp: now.getTime() },
      Object.fromEntries(places.map((place) => [place, { notAfter, notBefore: new Date(0) }])),
    )
    await expect(verifyAttestation(fresh.bytes, { roots: fresh.roots })).resolves.toBeDefined()
  })
})
