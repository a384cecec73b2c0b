/** Bundled and measured: from the start of the process to the first attested byte, which it writes to its output. */
import { run } from '../../../enclave/application.js'
import { dependenciesFrom } from './surroundings.js'

const application = await run({ ...dependenciesFrom(String(process.argv[2])), connectAhead: true })
const [byte = 0] = await application.generateRandom({ numberOfBytes: 32 })
process.stdout.write(Uint8Array.of(byte))
application.close()
