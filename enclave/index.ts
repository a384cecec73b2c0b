/** `nitro-enclave-sdk`: what an application inside an enclave uses. */
export * from '../shared/errors.js'
export type { Dial } from './kms/agent.js'
export { createKmsClient, type KmsClientOptions } from './kms/client.js'
export { type PushedCredentials, pushedCredentials } from './kms/credentials.js'
export { diagnosisOf } from './kms/diagnose.js'
export type { Diagnosis, DiagnosisCode } from './kms/diagnosis/diagnosis.js'
export { type FromEnvironmentOptions, fromEnvironment } from './kms/environment.js'
export { type NitroRecipientOptions, nitroRecipient } from './kms/middleware.js'
export { type FromParentOptions, fromParent } from './kms/parent-credentials.js'
export {
  createRecipient,
  type Recipient,
  type RecipientOptions,
  type RecipientSource,
} from './kms/recipient.js'
export type { GivenCredentials, MemoizedProvider } from './kms/refreshed-credentials.js'
export { type RotatingRecipientOptions, rotatingRecipient } from './kms/rotating-recipient.js'
export { type AttestationFields, attest } from './nsm/attest.js'
export { describeNsm, type NsmDescription } from './nsm/describe.js'
export { type NsmExchange, nsmOver } from './nsm/exchange.js'
export { openNsm } from './nsm/open.js'
export { getRandom } from './nsm/random.js'
export {
  describePcr,
  describePcrs,
  extendPcr,
  lockPcr,
  lockPcrs,
  type PcrDescription,
} from './nsm/registers.js'
export type { Nsm, NsmDigest, NsmRequest, NsmResponse, NsmResponseTo } from './nsm/requests.js'
