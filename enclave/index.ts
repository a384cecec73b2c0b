/** `nitro-enclave-sdk`: what an application inside an enclave uses. */
export * from '../shared/errors.js'
export { createKmsClient, type KmsClientOptions } from './kms/client.js'
export { type FromParentOptions, fromParent } from './kms/credentials.js'
export { nitroRecipient } from './kms/middleware.js'
export { createRecipient, type Recipient, type RecipientOptions } from './kms/recipient.js'
export { type NsmExchange, nsmOver } from './nsm/exchange.js'
export { openNsm } from './nsm/open.js'
export type { Nsm, NsmDigest, NsmRequest, NsmResponse, NsmResponseTo } from './nsm/requests.js'
