/** Before every test file: this machine's AF_VSOCK is not ours to open, its CID 2 may be somebody. Guests test it. */
import { constants } from 'node:os'
import { loadNative } from '../../native/index.js'

try {
  Object.assign(loadNative(), { vsockSocket: () => -constants.errno.EAFNOSUPPORT })
} catch {
  // Without the addon there is nothing to open it with.
}
