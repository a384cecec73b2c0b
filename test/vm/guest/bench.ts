/** In one guest: bytes over real AF_VSOCK beside a Unix socket, as one line of JSON after `results`. */
import { kernelTransport, VMADDR_CID_LOCAL } from '../../../shared/vsock/index.js'
import { benchVsock } from '../../bench/vsock.js'

const results = await benchVsock({
  transport: kernelTransport,
  cid: VMADDR_CID_LOCAL,
  port: 9000,
  bytes: 64 * 2 ** 20,
})
process.stdout.write(`results ${JSON.stringify(results)}\n`)
