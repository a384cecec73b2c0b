/** The driver behind /dev/nsm, as far as conformance does not reach it. */
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, it, onTestFinished } from 'vitest'
import { openNsm } from '../../../enclave/nsm/open.js'
import { loadNative, type Result } from '../../../native/index.js'
import { verifyAttestation } from '../../../shared/attestation/index.js'
import { descriptors, noLeak } from '../../support/vsock-conformance-bench.js'

export function device(): void {
  const open = async () => {
    const nsm = await openNsm()
    onTestFinished(() => nsm.close())
    return nsm
  }

  it('answers 50 requests at once, each with its own answer', async () => {
    const nsm = await open()
    const indices = Array.from({ length: 50 }, (_, count) => count % 32)
    const answers = await Promise.all(indices.map((index) => nsm.request({ type: 'DescribePCR', index })))
    expect(answers.map(({ lock }) => lock)).toEqual(indices.map((index) => index < 16))
  })

  it('can be opened twice', async () => {
    const [one, other] = [await open(), await open()]
    const names = await Promise.all([one, other].map((nsm) => nsm.request({ type: 'DescribeNSM' })))
    expect(names[0]).toEqual(names[1])
  })

  it('refuses a request that is too large, and goes on', async () => {
    const nsm = await open()
    const data = new Uint8Array(4_096)
    await expect(nsm.request({ type: 'ExtendPCR', index: 30, data })).rejects.toMatchObject({
      code: 'ERR_NSM_INPUT_TOO_LARGE',
    })
    expect((await nsm.request({ type: 'GetRandom' })).random).toHaveLength(256)
  })

  const raw = async (request: Uint8Array): Promise<Result | Uint8Array> => {
    const fd = openSync('/dev/nsm', 'r+')
    onTestFinished(() => closeSync(fd))
    return new Promise((resolve) => {
      const begun = loadNative().nsmRequest(fd, request, resolve)
      if (begun < 0) resolve(begun)
    })
  }

  it('the driver itself refuses more than 0x1000 bytes', async () => {
    expect(await raw(new Uint8Array(0x1001))).toBe(-constants.errno.EMSGSIZE)
  })

  it('the driver gives the answer in its own length', async () => {
    const answer = await raw(Buffer.concat([Uint8Array.of(0x69), Buffer.from('GetRandom')]))
    // {"GetRandom": {"random": 256 bytes}}: the heads are 1 + 10 + 1 + 7 + 3 bytes.
    expect(answer).toHaveLength(278)
  })

  it('closes its descriptor', async () => {
    const before = descriptors()
    for (let count = 0; count < 20; count++) {
      const nsm = await openNsm()
      nsm.close()
      await expect(nsm.request({ type: 'GetRandom' })).rejects.toMatchObject({ code: 'ERR_NSM_CLOSED' })
    }
    await noLeak(before)
  })

  it("makes documents that nobody takes for Amazon's", async () => {
    const { document } = await (await open()).request({ type: 'Attestation' })
    await expect(verifyAttestation(document, { maxAge: Number.POSITIVE_INFINITY })).rejects.toMatchObject({
      name: 'FormatError',
      code: 'ERR_COSE_ALGORITHM',
    })
  })
}
