import { describe, expect, it } from 'vitest'
import { type NsmExchange, nsmOver } from '../../../enclave/nsm/exchange.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'

interface RecordingDevice extends NsmExchange {
  readonly requests: Uint8Array[]
  closed: number
}

function answering(answer: Uint8Array): RecordingDevice {
  const device: RecordingDevice = {
    requests: [],
    closed: 0,
    async exchange(request) {
      device.requests.push(request)
      return answer
    },
    close: () => {
      device.closed += 1
    },
  }
  return device
}

describe('a module over an exchange of bytes', () => {
  it('sends the request and gives the answer', async () => {
    const device = answering(encodeCbor(new Map([['GetRandom', new Map([['random', Uint8Array.of(7)]])]])))
    const { random } = await nsmOver(device).request({ type: 'GetRandom' })
    expect(random).toEqual(Uint8Array.of(7))
    expect(device.requests).toEqual([encodeCbor('GetRandom')])
  })

  it('refuses an answer to another request', async () => {
    const nsm = nsmOver(answering(encodeCbor('LockPCRs')))
    await expect(nsm.request({ type: 'LockPCR', index: 16 })).rejects.toMatchObject({
      name: 'NsmError',
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: 'LockPCR was answered by LockPCRs',
    })
  })

  it("passes the module's own refusal on", async () => {
    const nsm = nsmOver(answering(encodeCbor(new Map([['Error', 'InvalidIndex']]))))
    await expect(nsm.request({ type: 'DescribePCR', index: 32 })).rejects.toMatchObject({
      code: 'ERR_NSM_INVALID_INDEX',
    })
  })

  it('does not trouble the module with a request that is too large', async () => {
    const device = answering(encodeCbor('LockPCR'))
    const data = new Uint8Array(5_000)
    await expect(nsmOver(device).request({ type: 'ExtendPCR', index: 16, data })).rejects.toMatchObject({
      code: 'ERR_NSM_INPUT_TOO_LARGE',
    })
    expect(device.requests).toHaveLength(0)
  })

  it('does not hide that the device itself failed', async () => {
    const device = { exchange: () => Promise.reject(new Error('ETIMEDOUT')), close: () => undefined }
    await expect(nsmOver(device).request({ type: 'GetRandom' })).rejects.toThrow('ETIMEDOUT')
  })

  it('closes the device when it is closed', () => {
    const device = answering(new Uint8Array())
    nsmOver(device).close()
    expect(device.closed).toBe(1)
  })
})
