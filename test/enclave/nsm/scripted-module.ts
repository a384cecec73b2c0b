import type { Nsm, NsmRequest, NsmResponse } from '../../../enclave/nsm/requests.js'

export interface ScriptedModule extends Nsm {
  readonly requests: NsmRequest[]
}

/** A module that answers as it is told to, right or wrong. */
export function scriptedModule(answer: (request: NsmRequest, nth: number) => unknown): ScriptedModule {
  const requests: NsmRequest[] = []
  return {
    requests,
    request: async (request) => {
      requests.push(request)
      return (await answer(request, requests.length - 1)) as Extract<
        NsmResponse,
        { type: (typeof request)['type'] }
      >
    },
    close: () => undefined,
  }
}
