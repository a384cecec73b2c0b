/** Simulated ones all of them: no public document of a real NitroTPM is known. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  examineNitroTpmAttestation,
  parseAttestation,
  parseNitroTpmAttestation,
  type VerifyNitroTpmOptions,
  verifyAttestation,
  verifyNitroTpmAttestation,
} from '../../../shared/attestation/index.js'
import { UsageError } from '../../../shared/errors.js'
import { type Fields, PCRS, signedBy, unsigned, ZERO_PCRS } from '../../support/attestations.js'
import { buildChain, type Chain, NOW } from '../../support/certificates.js'
import { code, refusal } from '../../support/errors.js'

const MODULE = 'i-0123456789abcdef0-tpm0000000000000000'
const TPM: Fields = { pcrs: undefined, nitrotpm_pcrs: PCRS, module_id: MODULE }
const hexOf = (byte: number) => Buffer.alloc(48, byte).toString('hex')

let chain: Chain
beforeAll(async () => {
  chain = await buildChain()
})

const trust = () => ({ roots: [chain.root], now: NOW })
const verify = (fields: Fields = {}, options: VerifyNitroTpmOptions = {}) =>
  verifyNitroTpmAttestation(signedBy(chain, { ...TPM, ...fields }), { ...trust(), ...options })

describe('the document of a NitroTPM', () => {
  it('is accepted by its own function, with its registers', async () => {
    const { document, checks } = await verify()
    expect(document.moduleId).toBe(MODULE)
    expect(document.pcrs).toEqual(PCRS)
    expect(checks.map(({ name }) => name)).toEqual(['form', 'certificate path', 'signature', 'age'])
  })

  it('is refused as an enclave’s, read or verified', async () => {
    expect(await code(() => parseAttestation(unsigned(TPM)))).toBe('ERR_DOCUMENT_NITROTPM')
    expect(await code(() => verifyAttestation(signedBy(chain, TPM), trust()))).toBe('ERR_DOCUMENT_NITROTPM')
  })

  it('is not an enclave’s, read or verified', async () => {
    expect(await code(() => parseNitroTpmAttestation(unsigned()))).toBe('ERR_DOCUMENT_ENCLAVE')
    expect(await code(() => verifyNitroTpmAttestation(signedBy(chain), trust()))).toBe('ERR_DOCUMENT_ENCLAVE')
  })

  it('is nobody’s with the registers of both', async () => {
    expect(await code(() => verify({ pcrs: PCRS }))).toBe('ERR_DOCUMENT_ENCLAVE')
    const both = signedBy(chain, { ...TPM, pcrs: PCRS })
    expect(await code(() => verifyAttestation(both, trust()))).toBe('ERR_DOCUMENT_NITROTPM')
  })

  it('without registers is none', async () => {
    expect(await code(() => verify({ nitrotpm_pcrs: undefined }))).toBe('ERR_DOCUMENT_FIELD_MISSING')
  })

  it('is held to its signature and its chain', async () => {
    const bytes = signedBy(chain, TPM)
    const forged = bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))
    expect(await code(() => verifyNitroTpmAttestation(forged, trust()))).toBe('ERR_COSE_SIGNATURE')
    expect(await code(() => verifyNitroTpmAttestation(bytes, { now: NOW }))).toBe(
      'ERR_CERTIFICATE_UNTRUSTED_ROOT',
    )
  })

  it('knows no debug mode: zero registers are its own affair', async () => {
    const { document } = await verify({ nitrotpm_pcrs: ZERO_PCRS })
    expect('debugMode' in document).toBe(false)
  })

  it.each<[string, VerifyNitroTpmOptions, string]>([
    ['a register', { pcrs: { 4: [hexOf(7), hexOf(8)] } }, 'ERR_POLICY_PCR'],
    ['the module', { moduleId: 'i-0' }, 'ERR_POLICY_MODULE_ID'],
    ['a nonce', { nonce: Uint8Array.of(1) }, 'ERR_POLICY_NONCE'],
    ['user data', { userData: Uint8Array.of(1) }, 'ERR_POLICY_USER_DATA'],
    ['a public key', { publicKey: Uint8Array.of(1) }, 'ERR_POLICY_PUBLIC_KEY'],
    ['an age', { now: new Date(NOW.getTime() + 5), maxAge: 4 }, 'ERR_POLICY_MAX_AGE'],
  ])('is refused by a policy for %s', async (_, options, expected) => {
    expect(await code(() => verify({}, options))).toBe(expected)
  })

  it('is accepted by a policy that it meets', async () => {
    const nonce = Uint8Array.of(1)
    const policy = { pcrs: { 4: [hexOf(7), hexOf(5)] }, moduleId: MODULE, nonce }
    await expect(verify({ nonce }, policy)).resolves.toBeDefined()
  })

  it('gets no hint that is meant for enclaves', async () => {
    const { checks } = await examineNitroTpmAttestation(signedBy(chain, TPM), {
      ...trust(),
      pcrs: { 4: hexOf(9) },
    })
    expect(checks.find(({ name }) => name === 'PCR4')).toMatchObject({ verdict: 'failed', actual: hexOf(5) })
    expect(checks.some(({ hint }) => hint)).toBe(false)
  })

  it.each(['allowDebug', 'signingCertificate', 'roleArn', 'instanceId'])(
    'cannot be asked for %s, which is an enclave’s',
    async (name) => {
      const error = await refusal(() => verify({}, { [name]: true }))
      expect(error).toBeInstanceOf(UsageError)
      expect(error.message).toContain(`${name} is for the documents of enclaves`)
    },
  )

  it('cannot be asked for what nobody knows', async () => {
    const error = await refusal(() => verify({}, { nonse: Uint8Array.of(1) } as VerifyNitroTpmOptions))
    expect(error.message).toBe('"nonse" is not an option of this verification')
  })
})
