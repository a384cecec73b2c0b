/** `nitro-enclave nsm attest`: Attestation. */
import { Command } from 'commander'
import { attest } from '../enclave/nsm/attest.js'
import { hexOrFile } from './hex-or-file.js'
import { onModule } from './nsm-module.js'
import { hex, unshown } from './options.js'
import { type Encoding, encodingOptions, writeBytes } from './output.js'
import { readPublicKey } from './public-key.js'

interface Flags extends Encoding {
  readonly userData?: string
  readonly nonce?: Uint8Array
  readonly publicKey?: string
}

const NOTES = `
Examples:
  nitro-enclave nsm attest --nonce 0011aabb --output document.bin
  nitro-enclave nsm attest --public-key key.pem --base64
  nitro-enclave nsm --simulator state attest | nitro-enclave verify --root state/attestation-root.pem -`

const NONCE = '--nonce <hex>'

export function nsmAttestCommand(): Command {
  const command = new Command('attest')
  command
    .description(
      'Make an attestation document: signed by the module, over the locked registers and these fields.',
    )
    .option('--user-data <hex|file>', 'up to 1,024 bytes: hex digits, or a file of them (./cafe is a file)')
    .option(NONCE, "the verifier's nonce, up to 1,024 bytes", unshown(command, NONCE, hex))
    .option('--public-key <file>', 'a public key in PEM or DER: KMS encrypts its answers to it')
  return encodingOptions(command, { output: true })
    .addHelpText('after', NOTES)
    .action((flags: Flags, invoked: Command) =>
      onModule(invoked, async (nsm) => {
        const { userData, nonce, publicKey } = flags
        const document = await attest(nsm, {
          ...(userData !== undefined && { userData: await hexOrFile(userData, 'user data') }),
          ...(nonce && { nonce }),
          ...(publicKey !== undefined && { publicKey: await readPublicKey(publicKey) }),
        })
        await writeBytes(document, flags)
      }),
    )
}
