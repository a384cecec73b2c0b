import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// By the package's own name, from the built files, as its users import it.
it.each([
  [
    'nitro-enclave-sdk',
    ['createKmsClient', 'createRecipient', 'nitroRecipient', 'nsmOver', 'NitroEnclaveError'],
  ],
  [
    'nitro-enclave-sdk/attestation',
    ['verifyAttestation', 'parseAttestation', 'AWS_NITRO_ROOT', 'PolicyError'],
  ],
  ['nitro-enclave-sdk/vsock', ['connect', 'listen', 'unixTransport', 'kernelTransport']],
  ['nitro-enclave-sdk/parent-proxy', ['startProxy']],
  ['nitro-enclave-sdk/simulator', ['simulate']],
])('%s gives its users what the README names', async (name, expected) => {
  const script = `import('${name}').then((face) => console.log(JSON.stringify(Object.keys(face))))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(expected))
})
