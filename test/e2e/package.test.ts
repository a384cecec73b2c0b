import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

// By the package's own name, from the built files, as its users import it.
it.each([
  [
    'nitro-enclave-sdk',
    [
      ...['createKmsClient', 'createRecipient', 'rotatingRecipient', 'nitroRecipient', 'diagnosisOf'],
      ...['fromParent', 'fromEnvironment', 'pushedCredentials', 'NitroEnclaveError'],
      ...['openNsm', 'nsmOver', 'describeNsm', 'getRandom', 'describePcr', 'describePcrs', 'extendPcr'],
      ...['lockPcr', 'lockPcrs', 'attest'],
    ],
  ],
  [
    'nitro-enclave-sdk/attestation',
    [
      'verifyAttestation',
      'examineAttestation',
      'verifyMany',
      'parseAttestation',
      'AWS_NITRO_ROOT',
      'PolicyError',
    ],
  ],
  [
    'nitro-enclave-sdk/vsock',
    [
      'connect',
      'listen',
      'localCid',
      'peerAddress',
      'parseVsockAddress',
      'unixTransport',
      'hybridTransport',
      'kernelTransport',
      'kernelTransportWith',
    ],
  ],
  [
    'nitro-enclave-sdk/image',
    ['buildEif', 'describeEif', 'diffEif', 'pinningPolicy', 'prepareRootFilesystem', 'FormatError'],
  ],
  ['nitro-enclave-sdk/parent-proxy', ['startProxy']],
  ['nitro-enclave-sdk/simulator', ['simulate', 'simulatedNsmIn']],
])('%s gives its users what the README names', async (name, expected) => {
  const script = `import('${name}').then((face) => console.log(JSON.stringify(Object.keys(face))))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(expected))
})

it('is published with what the addon is compiled from, and without what was compiled here', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'])
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['addon.c', 'addon.h', 'connect.c', 'nsm.c', 'vsock.c'].map((name) => `native/${name}`),
      ...['native/binding.gyp', 'native/install.mjs', 'dist/native/index.js'],
    ]),
  )
  expect(paths.filter((path) => path.startsWith('native/build/') || path.startsWith('test/'))).toEqual([])
})
