/** An Nsm over one exchange of bytes: the device's ioctl, or the simulator's. */
import { NsmError } from '../../shared/errors.js'
import { decodeResponse, encodeRequest } from './codec.js'
import type { Nsm, NsmRequest, NsmResponseTo } from './requests.js'

export interface NsmExchange {
  /** Sends one CBOR request of at most 4,096 bytes and gives the CBOR response, at most 12,288 bytes. */
  exchange(request: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** Throws NsmError: the module's own refusal, or ERR_NSM_INVALID_RESPONSE when the answer is not to the request. */
export function nsmOver(device: NsmExchange): Nsm {
  return {
    async request<R extends NsmRequest>(request: R): Promise<NsmResponseTo<R>> {
      const response = decodeResponse(await device.exchange(encodeRequest(request)))
      if (response.type !== request.type) {
        throw new NsmError('ERR_NSM_INVALID_RESPONSE', `${request.type} was answered by ${response.type}`)
      }
      return response as NsmResponseTo<R>
    },
    close: () => device.close(),
  }
}
