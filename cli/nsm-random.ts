/** `nitro-enclave nsm random`: GetRandom, as often as it takes. */
import { Command } from 'commander'
import { getRandom } from '../enclave/nsm/random.js'
import { onModule } from './nsm-module.js'
import { integer } from './options.js'
import { type Encoding, encodingOptions, writeBytes } from './output.js'

export function nsmRandomCommand(): Command {
  const command = new Command('random')
    .description("Random bytes of the module's generator.")
    .argument('<n>', 'how many, 0 to 65536', integer)
  return encodingOptions(command).action((length: number, encoding: Encoding, invoked: Command) =>
    onModule(invoked, async (nsm) => writeBytes(await getRandom(nsm, length), encoding)),
  )
}
