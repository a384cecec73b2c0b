import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Nsm, NsmRequest } from '../../enclave/nsm/requests.js'
import { type AttestationDocument, parseAttestation } from '../../shared/attestation/document.js'

/** In what a module that is otherwise right may differ from hardware. Each one is asserted in turn. */
export interface Differences {
  /** Its documents are not what hardware makes: reads them all the same. */
  readonly parse?: (document: Uint8Array) => AttestationDocument
  /** Takes fields of more than 1,024 bytes, as far as the request has room. */
  readonly longFields?: boolean
  /** Its clock counts whole seconds. */
  readonly wholeSeconds?: boolean
}

export interface ConformanceOptions {
  /** The enclave image is signed: PCR8 holds its certificate. */
  readonly signedImage?: boolean
  readonly differences?: Differences
}

const ZERO = new Uint8Array(48)

/**
 * What AWS's own nsm-check demands of a module, and what QEMU's and our documentation add. `makeNsm` opens a module
 * whose enclave has just booted, outside debug mode. Locks outlive a connection: the tests run in this order, each
 * on registers of its own, and the one that locks everything stands last.
 */
export function nsmConformance(makeNsm: () => Nsm | Promise<Nsm>, options: ConformanceOptions = {}): void {
  const { differences = {} } = options
  const parse = differences.parse ?? ((document) => parseAttestation(document).document)
  let nsm: Nsm
  beforeAll(async () => {
    nsm = await makeNsm()
    return () => nsm.close()
  })

  const register = (index: number) => nsm.request({ type: 'DescribePCR', index })
  const attest = async (fields: AttestationFields = {}): Promise<AttestationDocument> => {
    const { document } = await nsm.request({ type: 'Attestation', ...fields })
    return parse(document)
  }
  const refused = (request: NsmRequest, code: string) =>
    expect(nsm.request(request)).rejects.toMatchObject({ name: 'NsmError', code })

  describe('after boot', () => {
    it('the module describes itself', async () => {
      expect(await nsm.request({ type: 'DescribeNSM' })).toMatchObject({
        type: 'DescribeNSM',
        versionMajor: 1,
        maxPcrs: 32,
        digest: 'SHA384',
        moduleId: expect.stringMatching(/^i-[0-9a-z]+-enc[0-9a-f]+$/),
      })
    })

    it('PCR0 to PCR15 are locked, by the description and by each register', async () => {
      const { lockedPcrs } = await nsm.request({ type: 'DescribeNSM' })
      const locks = await Promise.all(range(0, 32).map(async (index) => (await register(index)).lock))
      expect([...lockedPcrs].sort((a, b) => a - b)).toEqual(range(0, 16))
      expect(locks).toEqual(range(0, 32).map((index) => index < 16))
    })

    it.each([0, 1, 2, 4])('PCR%d holds a measurement', async (index) => {
      const { data } = await register(index)
      expect(data).toHaveLength(48)
      expect(data).not.toEqual(ZERO)
    })

    const unused = range(5, 32).filter((index) => index !== 8 || options.signedImage !== true)
    it.each(unused)('PCR%d is zero', async (index) => {
      expect((await register(index)).data).toEqual(ZERO)
    })

    it('a document carries the locked registers, and their values', async () => {
      const { pcrs } = await attest()
      expect([...pcrs.keys()]).toEqual(range(0, 16))
      for (const [index, value] of pcrs) expect(value).toEqual((await register(index)).data)
    })
  })

  describe('random bytes', () => {
    it('come 256 at a time, others every time', async () => {
      const [first, second] = await Promise.all([
        nsm.request({ type: 'GetRandom' }),
        nsm.request({ type: 'GetRandom' }),
      ])
      expect(first.random).toHaveLength(256)
      expect(second.random).toHaveLength(256)
      expect(first.random).not.toEqual(second.random)
    })
  })

  describe('attestation', () => {
    it.each(['userData', 'nonce', 'publicKey'])('takes 1,024 bytes of %s', async (field) => {
      expect(await attest({ [field]: filled(1024) })).toMatchObject({ [field]: filled(1024) })
    })

    it('takes 1,024 bytes of each at once', async () => {
      const fields = { userData: filled(1024), nonce: filled(1024), publicKey: filled(1024) }
      expect(await attest(fields)).toMatchObject(fields)
    })

    const limit = differences.longFields === true ? 'takes' : 'refuses'
    it.each(['userData', 'nonce', 'publicKey'])(`${limit} 1,025 bytes of %s`, async (field) => {
      const request = { type: 'Attestation', [field]: filled(1025) } as const
      if (differences.longFields === true) {
        const { document } = await nsm.request(request)
        expect(Buffer.from(document).includes(Buffer.from(filled(1025)))).toBe(true)
      } else await refused(request, 'ERR_NSM_INPUT_TOO_LARGE')
    })

    it.each(['userData', 'nonce', 'publicKey'])('leaves out %s when it is not given', async (field) => {
      expect(await attest()).not.toHaveProperty(field)
    })

    it.each(['userData', 'nonce'])('keeps %s when it is empty', async (field) => {
      expect(await attest({ [field]: new Uint8Array() })).toMatchObject({ [field]: new Uint8Array() })
    })

    it('speaks for the module that describes itself', async () => {
      const { moduleId } = await nsm.request({ type: 'DescribeNSM' })
      expect((await attest()).moduleId).toBe(moduleId)
    })

    it('bears the time', async () => {
      const { timestamp } = await attest()
      expect(Math.abs(timestamp.getTime() - Date.now())).toBeLessThan(60_000)
      if (differences.wholeSeconds === true) expect(timestamp.getMilliseconds()).toBe(0)
    })
  })

  describe('extending a register', () => {
    it('gives SHA-384 of the old value and the data', async () => {
      const old = (await register(17)).data
      const { data } = await nsm.request({ type: 'ExtendPCR', index: 17, data: filled(5) })
      expect(data).toEqual(sha384(old, filled(5)))
    })

    it('lasts, and the next extension goes on from there', async () => {
      const old = (await register(17)).data
      await nsm.request({ type: 'ExtendPCR', index: 17, data: filled(2_000) })
      expect(await register(17)).toMatchObject({ lock: false, data: sha384(old, filled(2_000)) })
    })

    it('leaves the other registers alone', async () => {
      await nsm.request({ type: 'ExtendPCR', index: 19, data: filled(1) })
      expect((await register(20)).data).toEqual(ZERO)
    })

    it('that is locked is refused', async () => {
      await refused({ type: 'ExtendPCR', index: 0, data: filled(1) }, 'ERR_NSM_READ_ONLY_INDEX')
    })

    it('that does not exist is refused', async () => {
      await refused({ type: 'ExtendPCR', index: 32, data: filled(1) }, 'ERR_NSM_INVALID_INDEX')
    })

    it('does not show in a document while the register is open', async () => {
      await nsm.request({ type: 'ExtendPCR', index: 18, data: filled(1) })
      expect((await attest()).pcrs.has(18)).toBe(false)
    })
  })

  describe('locking', () => {
    it('ends all extension, and brings the register into the document', async () => {
      const { data } = await nsm.request({ type: 'ExtendPCR', index: 16, data: filled(3) })
      await nsm.request({ type: 'LockPCR', index: 16 })
      expect(await register(16)).toMatchObject({ lock: true, data })
      expect((await attest()).pcrs.get(16)).toEqual(data)
      await refused({ type: 'ExtendPCR', index: 16, data: filled(1) }, 'ERR_NSM_READ_ONLY_INDEX')
    })

    it.each([0, 15])('PCR%d, which is locked since boot, is refused', async (index) => {
      await refused({ type: 'LockPCR', index }, 'ERR_NSM_READ_ONLY_INDEX')
    })

    it('a register that does not exist is refused', async () => {
      await refused({ type: 'LockPCR', index: 32 }, 'ERR_NSM_INVALID_INDEX')
    })

    it('33 registers at once is refused, and locks none', async () => {
      await refused({ type: 'LockPCRs', range: 33 }, 'ERR_NSM_INVALID_INDEX')
      expect((await register(31)).lock).toBe(false)
    })

    it('the first 21 leaves PCR21 open', async () => {
      await nsm.request({ type: 'LockPCRs', range: 21 })
      expect((await register(20)).lock).toBe(true)
      expect((await register(21)).lock).toBe(false)
    })

    it('all 32 is done, and done again when all are locked', async () => {
      await nsm.request({ type: 'LockPCRs', range: 32 })
      expect(await nsm.request({ type: 'LockPCRs', range: 32 })).toEqual({ type: 'LockPCRs' })
      const { lockedPcrs } = await nsm.request({ type: 'DescribeNSM' })
      expect([...lockedPcrs].sort((a, b) => a - b)).toEqual(range(0, 32))
    })

    it('lets a document carry all 32', async () => {
      expect((await attest()).pcrs.size).toBe(32)
    })
  })

  it('a register that does not exist cannot be read', async () => {
    await refused({ type: 'DescribePCR', index: 32 }, 'ERR_NSM_INVALID_INDEX')
  })
}

type AttestationFields = Omit<Extract<NsmRequest, { type: 'Attestation' }>, 'type'>

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

/** No two bytes in a row alike. */
function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff)
}

function sha384(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash('sha384').update(Buffer.concat(parts)).digest())
}
