import { execFile } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Metafile } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import { amazonTrustAnchors } from '../../enclave/kms/trust-anchors.js'
import { bundleEnclave } from '../../reference-image/bundle.js'
import { temporaryFolder } from '../support/cli.js'

const FILE = resolve('build/test/bundle/main.mjs')
let metafile: Metafile

beforeAll(async () => {
  metafile = await bundleEnclave(FILE)
})

/** Runs the bundle as an image's entry point, with these files beside it. */
function start(files: Readonly<Record<string, string>> = {}) {
  const folder = temporaryFolder()
  cpSync(dirname(FILE), folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((done) => {
    execFile(process.execPath, [join(folder, 'main.mjs')], { env: {} }, (error, stdout, stderr) =>
      done({ code: error?.code, stdout, stderr }),
    )
  })
}

describe("the enclave's bundle", () => {
  it.each([
    ['the certificate builder', /node_modules\/(@peculiar|reflect-metadata)/],
    ['the simulator', /(^|\/)simulator\//],
    ['the parent proxy', /(^|\/)parent-proxy\//],
    ['the command line, the image tools', /(^|\/)(cli|image)\/|node_modules\/(commander|tar|fflate)\//],
    [
      "the SDK's chain of credential providers",
      /credential-provider|token-providers|client-sso|client-sts|nested-clients/,
    ],
    ['another way to load the addon', /node-gyp-build/],
  ])('does not hold %s', (_, pattern) => {
    expect(Object.keys(metafile.inputs).filter((path) => pattern.test(path))).toEqual([])
  })

  it('holds the program, its NSM and its KMS client', () => {
    const inputs = Object.keys(metafile.inputs).map((path) => path.replace(/^.*(?=enclave\/)/, ''))
    expect(inputs).toEqual(
      expect.arrayContaining([
        'enclave/main.ts',
        'enclave/nsm/device.ts',
        'enclave/kms/client.ts',
        'enclave/kms/parent-credentials.ts',
      ]),
    )
  })

  it('gives run() to whoever imports it, and starts nothing then', async () => {
    const { run } = (await import(FILE)) as { run: unknown }
    expect(run).toBeTypeOf('function')
  })

  it('is the same, byte for byte, when it is made again', async () => {
    const again = await bundleEnclave(resolve('build/test/bundle-again/main.mjs'))
    const sizes = (made: Metafile) =>
      Object.values(made.outputs).map(({ inputs, bytes }) => ({ inputs, bytes }))
    expect(sizes(again)).toEqual(sizes(metafile))
  })

  it('says what it lacks without its configuration', async () => {
    expect(await start()).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'the enclave cannot start: configuration.json cannot be read: ENOENT (ERR_ENCLAVE_CONFIG)\n',
    })
  })

  it('says what it lacks outside an enclave', async () => {
    const { code, stderr } = await start({
      'configuration.json': '{"region":"us-east-1"}',
      'tls-roots.pem': amazonTrustAnchors().join('\n'),
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^the enclave cannot start: there is no Nitro Secure Module at \/dev\/nsm: .*\(ERR_NSM_UNAVAILABLE\)\n$/,
    )
  })
})
