/** Where the machines meet: who listens on which port. */
export const PARENT = { cid: 3, port: 5000 } as const
export const ENCLAVE_CID = 16
/** The enclave listens for the host. */
export const ENCLAVE_PORT = 5001
/** The host listens for the enclave, which reaches it as CID 2. */
export const HOST = { cid: 2, port: 5002 } as const
/** These send back every byte. */
export const PARENT_ECHO = { cid: 3, port: 5003 } as const
export const ENCLAVE_ECHO_PORT = 5004
export const HOST_ECHO = { cid: 2, port: 5005 } as const
/** The parent of tier 3 hears here of enclaves that are up. */
export const NEWS_PORT = 5006
/** Nobody listens here. */
export const SILENT_PORT = 4999
/** The most a guest sends the host at once: vhost-device-vsock 0.3 passes 32,768 bytes on, and loses 40,000. */
export const GUEST_PIECE = 32_768
