/** `nitro-enclave kms`: the simulated KMS alone, for AWS SDKs of every language. */
import { Command, InvalidArgumentError } from 'commander'
import { listenAddress } from './listen-address.js'
import { reporting } from './reporting.js'
import type { KmsFlags } from './run-kms.js'
import { hearSignals } from './service-signals.js'

const NOTES = `
Ready, it prints one line of JSON on standard output:
  endpoint, region, accessKeyId, secretAccessKey  what a client is made with
  ca               PEM file: whom it trusts instead of Amazon's roots; null with --http
  attestationRoot  PEM file: the root under which attestation documents are taken
  state            the folder
Then it logs to standard error, a line a call: time, operation, key, principal, outcome, request id; and, of an
enclave that was refused, which registers the policies would have wanted.

Documents that it takes are made in the same folder: nitro-enclave nsm --simulator DIR attest

Signals:
  SIGINT, SIGTERM, SIGHUP  let calls under way end, and end it

Examples:
  nitro-enclave kms --state kms
  aws kms create-key --endpoint-url https://127.0.0.1:PORT --ca-bundle kms/ca.pem --region us-east-1`

export function kmsCommand(): Command {
  return new Command('kms')
    .description('Run the simulated KMS alone, for AWS SDKs of every language, until a signal ends it.')
    .option('--listen <address>', 'IP address and port (default: a free port of 127.0.0.1)', listenAddress)
    .option('--http', 'without TLS')
    .option('--host <name>', 'a further name that it is reached by, once for each', hostName)
    .option('--region <region>', "its region (default: the folder's own, or us-east-1)")
    .option('--state <dir>', 'keep keys and credentials there (default: a folder that goes with the process)')
    .option('--policy <file>', 'IAM policy document of the one identity (default: everything is allowed)')
    .addHelpText('after', NOTES)
    .action((flags: KmsFlags) => {
      const attend = hearSignals(['SIGINT', 'SIGTERM', 'SIGHUP'])
      // Loaded when it is asked for: it brings the certificate builder, which other commands do without.
      return reporting('kms', async () => (await import('./run-kms.js')).runKms(flags, attend))
    })
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, 'i')

function hostName(value: string, previous: readonly string[] = []): readonly string[] {
  if (!NAME.test(value)) throw new InvalidArgumentError('Expected a host name, such as kms.test.')
  return [...previous, value]
}
