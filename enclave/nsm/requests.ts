/**
 * What one can ask of the Nitro Secure Module, and what it answers
 * (aws-nitro-enclaves-nsm-api, src/api/mod.rs `Request` and `Response`), as unions tagged by the API's own names.
 */

/** PCR indices run from 0 to 31; a bank holds SHA-384 values of 48 bytes. */
export type NsmRequest =
  | { readonly type: 'DescribeNSM' }
  | { readonly type: 'GetRandom' }
  | { readonly type: 'DescribePCR'; readonly index: number }
  /** Any length of data that fits the request (4,096 bytes in all). New value: SHA-384(old || data). */
  | { readonly type: 'ExtendPCR'; readonly index: number; readonly data: Uint8Array }
  | { readonly type: 'LockPCR'; readonly index: number }
  /** Locks the PCRs 0 to range - 1. */
  | { readonly type: 'LockPCRs'; readonly range: number }
  /** Each field at most 1,024 bytes; absent and empty are different things. */
  | {
      readonly type: 'Attestation'
      readonly userData?: Uint8Array
      readonly nonce?: Uint8Array
      readonly publicKey?: Uint8Array
    }

export type NsmDigest = 'SHA256' | 'SHA384' | 'SHA512'

export type NsmResponse =
  | {
      readonly type: 'DescribeNSM'
      readonly versionMajor: number
      readonly versionMinor: number
      readonly versionPatch: number
      readonly moduleId: string
      readonly maxPcrs: number
      readonly lockedPcrs: readonly number[]
      readonly digest: NsmDigest
    }
  /** 256 bytes. */
  | { readonly type: 'GetRandom'; readonly random: Uint8Array }
  | { readonly type: 'DescribePCR'; readonly lock: boolean; readonly data: Uint8Array }
  | { readonly type: 'ExtendPCR'; readonly data: Uint8Array }
  | { readonly type: 'LockPCR' }
  | { readonly type: 'LockPCRs' }
  /** COSE_Sign1, at most 16 KiB. */
  | { readonly type: 'Attestation'; readonly document: Uint8Array }

/** The response that belongs to a request. */
export type NsmResponseTo<R extends NsmRequest> = Extract<NsmResponse, { type: R['type'] }>

/**
 * A Nitro Secure Module, real or simulated: the whole seam between the two.
 * `request` throws NsmError when the module refuses.
 */
export interface Nsm {
  request<R extends NsmRequest>(request: R): Promise<NsmResponseTo<R>>
  close(): void
}
