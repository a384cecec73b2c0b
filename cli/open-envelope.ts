/** `nitro-enclave open-envelope`: opens a CiphertextForRecipient with a private key, for tests and debugging. */
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import { Command } from 'commander'
import { openEnvelopedData } from '../enclave/kms/enveloped-data.js'
import { UsageError } from '../shared/errors.js'
import { decodeText, readInput } from './input.js'
import { reporting } from './reporting.js'
import { write } from './write.js'

interface Flags {
  key: string
  hex?: boolean
}

export function openEnvelopeCommand(): Command {
  return new Command('open-envelope')
    .description(
      "Open a KMS CiphertextForRecipient with a private key. For tests and debugging: an enclave's own key never leaves it.",
    )
    .argument('[file]', 'the envelope, binary or base64; - for standard input', '-')
    .requiredOption('--key <pem>', 'file with the RSA private key')
    .option('--hex', 'print the plaintext as hex (default: the bytes themselves)')
    .action((file: string, flags: Flags) => reporting('open-envelope', () => openEnvelope(file, flags)))
}

async function openEnvelope(file: string, { key: keyFile, hex }: Flags): Promise<void> {
  const key = await importKey(readKey(await readInput(keyFile), keyFile))
  const plaintext = await openEnvelopedData(decodeText(await readInput(file)), key)
  if (hex) write(Buffer.from(plaintext).toString('hex'))
  else process.stdout.write(plaintext)
}

function readKey(bytes: Uint8Array, file: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(Buffer.from(bytes))
  } catch {
    throw new UsageError('ERR_USAGE', `${file} holds no unencrypted private key in PEM`)
  }
  if (key.asymmetricKeyType !== 'rsa') throw new UsageError('ERR_USAGE', `${file} holds no RSA key`)
  return key
}

function importKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' })
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSA-OAEP', hash: 'SHA-256' }, false, ['decrypt'])
}
