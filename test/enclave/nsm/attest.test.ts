import { describe, expect, it } from 'vitest'
import { attest } from '../../../enclave/nsm/attest.js'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { refusal } from '../../support/errors.js'
import { simulated } from '../../support/simulated.js'
import { scriptedModule } from './scripted-module.js'

const FIELDS = ['userData', 'nonce', 'publicKey'] as const

describe('a document', () => {
  it('bears the fields that are given, to the longest', async () => {
    const { nsm, root } = await simulated()
    const [userData, nonce, publicKey] = [1, 2, 3].map((byte) => new Uint8Array(1_024).fill(byte))
    const fields = { userData, nonce, publicKey } as Record<(typeof FIELDS)[number], Uint8Array>
    const { document } = await verifyAttestation(await attest(nsm, fields), { roots: [root] })
    expect(document).toMatchObject(fields)
  })

  it('bears none when none is given, and an empty one when it is empty', async () => {
    const { nsm, root } = await simulated()
    const none = await verifyAttestation(await attest(nsm), { roots: [root] })
    for (const field of FIELDS) expect(none.document).not.toHaveProperty(field)
    const empty = await verifyAttestation(await attest(nsm, { userData: new Uint8Array() }), {
      roots: [root],
    })
    expect(empty.document.userData).toEqual(new Uint8Array())
  })

  it.each(FIELDS)(
    'is not asked for with %s too long or of another kind, and the field is named',
    async (field) => {
      const nsm = scriptedModule(() => ({ document: new Uint8Array(1) }))
      for (const value of [new Uint8Array(1_025), 'text', null]) {
        const error = await refusal(() => attest(nsm, { [field]: value }))
        expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_USAGE' })
        expect(error.message).toMatch(new RegExp(`^${field}: `))
      }
      expect(nsm.requests).toHaveLength(0)
    },
  )

  it('is not asked for with an empty public key, which no verifier takes', async () => {
    const { nsm } = await simulated()
    expect(await refusal(() => attest(nsm, { publicKey: new Uint8Array() }))).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining('publicKey'),
    })
  })

  it.each([new Uint8Array(), new Uint8Array(16_385), 'text', undefined])(
    'that is none is refused: %o',
    async (document) => {
      const nsm = scriptedModule(() => ({ type: 'Attestation', document }))
      expect(await refusal(() => attest(nsm))).toMatchObject({
        name: 'NsmError',
        code: 'ERR_NSM_INVALID_RESPONSE',
      })
    },
  )
})
