/** AF_VSOCK: the place where the kernel's own transport will stand. No such socket is opened yet. */
import { OperationError } from '../errors.js'
import type { VsockTransport } from './transport.js'

const unavailable = (): never => {
  throw new OperationError(
    'ERR_VSOCK_UNAVAILABLE',
    'this version has no kernel vsock transport: use a Unix transport (unixTransport, unix:DIR:PORT)',
  )
}

/** Refuses everything with ERR_VSOCK_UNAVAILABLE; never falls back to another transport in silence. */
export const kernelTransport: VsockTransport = {
  connect: unavailable,
  listen: async () => unavailable(),
}
