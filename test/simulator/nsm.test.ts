import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { NSM_ERRORS } from '../../enclave/nsm/codec.js'
import { type CborValue, decodeCbor } from '../../shared/cbor.js'
import { encodeCbor } from '../../shared/cbor-writing.js'
import { createSimulatedNsm, type NsmErrorName } from '../../simulator/nsm.js'
import { nsmConformance } from '../support/nsm-conformance.js'
import { simulated } from '../support/simulated.js'

describe('the simulated module conforms', () => {
  nsmConformance(async () => (await simulated()).nsm)
})

describe('boot measurements', () => {
  const ZERO = new Uint8Array(48)
  const { instanceId, moduleId } = { instanceId: 'i-simulated0', moduleId: 'i-simulated0-enc0' }

  async function registerOf(
    index: number,
    measurements: { pcrs?: Map<number, Uint8Array>; roleArn?: string },
  ) {
    const { authority } = await simulated()
    const nsm = createSimulatedNsm({ pcrs: new Map(), instanceId, ...measurements, authority, moduleId })
    return nsm.request({ type: 'DescribePCR', index })
  }

  it('PCR3 is what AWS documents for its example role', async () => {
    const { data } = await registerOf(3, { roleArn: 'arn:aws:iam::123456789012:role/Webserver' })
    expect(Buffer.from(data).toString('hex')).toBe(
      '78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6',
    )
  })

  it('PCR3 is zero without a role', async () => {
    expect((await registerOf(3, {})).data).toEqual(ZERO)
  })

  it('PCR4 is the measured instance id', async () => {
    const expected = createHash('sha384').update(ZERO).update(instanceId).digest('hex')
    expect(Buffer.from((await registerOf(4, {})).data).toString('hex')).toBe(expected)
  })

  it.each([3, 4])('PCR%d is the given one when one is given', async (index) => {
    const given = new Uint8Array(48).fill(7)
    expect((await registerOf(index, { pcrs: new Map([[index, given]]), roleArn: 'arn' })).data).toEqual(given)
  })

  it('a given register above PCR15 is locked', async () => {
    const pcrs = new Map([[16, new Uint8Array(48).fill(7)]])
    expect(await registerOf(16, { pcrs })).toMatchObject({ lock: true, data: pcrs.get(16) })
  })

  it('do not follow when the caller changes the bytes afterwards', async () => {
    const bytes = new Uint8Array(48).fill(7)
    const { nsm } = await simulated({ pcrs: new Map([[0, bytes]]) })
    bytes.fill(8)
    expect((await nsm.request({ type: 'DescribePCR', index: 0 })).data).toEqual(new Uint8Array(48).fill(7))
  })
})

describe('a fault', () => {
  it.each(Object.entries(NSM_ERRORS))('%s reaches the caller as %s', async (name, code) => {
    const { nsm } = await simulated({ fault: () => name as NsmErrorName })
    await expect(nsm.request({ type: 'GetRandom' })).rejects.toMatchObject({ name: 'NsmError', code })
  })

  it('can be for one kind of request only', async () => {
    const { nsm } = await simulated({
      fault: (request) => (request === 'Attestation' ? 'InternalError' : undefined),
    })
    await expect(nsm.request({ type: 'Attestation' })).rejects.toMatchObject({
      code: 'ERR_NSM_INTERNAL_ERROR',
    })
    expect((await nsm.request({ type: 'GetRandom' })).random).toHaveLength(256)
  })

  it('leaves the registers as they were', async () => {
    let broken = true
    const { nsm } = await simulated({ fault: () => (broken ? 'InternalError' : undefined) })
    await nsm.request({ type: 'LockPCRs', range: 32 }).catch(() => undefined)
    broken = false
    expect((await nsm.request({ type: 'DescribePCR', index: 16 })).lock).toBe(false)
  })
})

it('a module id that does not say that it is simulated is refused', async () => {
  await expect(simulated({ moduleId: 'i-0123456789abcdef0-enc0123456789abcdef' })).rejects.toMatchObject({
    name: 'UsageError',
    code: 'ERR_USAGE',
  })
})

describe('a raw request', () => {
  async function answer(request: Uint8Array): Promise<CborValue> {
    const { device } = await simulated()
    return decodeCbor(await device.exchange(request))
  }
  const refusal = (name: string) => new Map([['Error', name]])
  const one = (name: string, ...fields: [string, CborValue][]) =>
    encodeCbor(new Map([[name, new Map(fields)]]))

  it.each<[string, Uint8Array]>([
    ['of no bytes', new Uint8Array()],
    ['that is no CBOR', Uint8Array.of(0xff, 0xff)],
    ['with bytes after it', Buffer.concat([encodeCbor('GetRandom'), Uint8Array.of(0)])],
    ['of an unknown text', encodeCbor('Teleport')],
    ['of an unknown variant', one('Teleport')],
    ['that is a number', encodeCbor(7)],
    ['that is an array', encodeCbor(['GetRandom'])],
    ['that is an empty map', encodeCbor(new Map())],
    [
      'of two variants',
      encodeCbor(
        new Map([
          ['Attestation', new Map()],
          ['LockPCRs', new Map()],
        ]),
      ),
    ],
    ['whose variant has a number for a name', encodeCbor(new Map([[1, new Map()]]))],
    ['of a unit variant in a map', one('GetRandom')],
    ['of a variant with fields as a text', encodeCbor('LockPCR')],
    ['of a variant that holds no map', encodeCbor(new Map([['LockPCR', 16]]))],
    ['without its index', one('DescribePCR')],
    ['with a negative index', one('DescribePCR', ['index', -1])],
    ['with an index beyond 16 bits', one('DescribePCR', ['index', 65_536])],
    ['with a text for an index', one('LockPCR', ['index', '16'])],
    ['with no data to extend by', one('ExtendPCR', ['index', 16])],
    ['with a text for a nonce', one('Attestation', ['nonce', 'text'])],
  ])('%s is an invalid operation', async (_, request) => {
    expect(await answer(request)).toEqual(refusal('InvalidOperation'))
  })

  it.each([33, 65_535])('to lock %d registers has an invalid index', async (range) => {
    expect(await answer(one('LockPCRs', ['range', range]))).toEqual(refusal('InvalidIndex'))
  })

  it('of 4,096 bytes is taken', async () => {
    const request = one('ExtendPCR', ['index', 16], ['data', new Uint8Array(4_069)])
    expect(request).toHaveLength(0x1000)
    expect(await answer(request)).toEqual(new Map([['ExtendPCR', expect.any(Map)]]))
  })

  it('of 4,097 bytes is too large', async () => {
    const request = one('ExtendPCR', ['index', 16], ['data', new Uint8Array(4_070)])
    expect(await answer(request)).toEqual(refusal('InputTooLarge'))
  })

  it('to attest may leave fields out', async () => {
    expect(await answer(one('Attestation'))).toEqual(new Map([['Attestation', expect.any(Map)]]))
  })
})
