/** The browser build of `nitro-enclave-sdk/attestation`, as a site bundles it by the package's own name. */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import * as node from '../../shared/attestation/index.js'
import * as web from '../../shared/attestation/web.js'
import { type Bundle, bundle } from './bundle.js'

/** Bytes, compressed as servers do. */
const LIMIT = 60_000

describe('the bundle of a site that verifies', () => {
  let made: Bundle
  beforeAll(async () => {
    made = await bundle("export * from 'nitro-enclave-sdk/attestation'")
  })

  it(`has less than ${LIMIT} bytes, compressed`, () => {
    const size = gzipSync(made.script, { level: 9 }).length
    const shares = Object.values(made.metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
    const cbor = shares.filter(([path]) => path.includes('node_modules/cbor-x/'))
    const bytesOf = (parts: typeof shares) =>
      parts.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
    process.stdout.write(
      `browser bundle: ${size} bytes compressed, ${made.script.length} before; ${bytesOf(cbor)} of them cbor-x\n`,
    )
    expect(size).toBeLessThan(LIMIT)
  })

  it('holds the build for browsers, WebCrypto and no other package than cbor-x', () => {
    const inputs = Object.keys(made.metafile.inputs).map((path) =>
      path.replace(/^.*node_modules\//, 'package '),
    )
    expect(inputs).toContain('dist/shared/attestation/web.js')
    expect(inputs).toContain('dist/shared/crypto/web.js')
    expect(inputs).not.toContain('dist/shared/attestation/index.js')
    expect(inputs).not.toContain('dist/shared/crypto/node.js')
    const packages = inputs.filter((path) => path.startsWith('package '))
    expect(packages.every((path) => path.startsWith('package cbor-x/'))).toBe(true)
  })

  it('leaves nothing to be imported', () => {
    expect(Object.values(made.metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  })
})

it('a program for Node gets the build for Node', async () => {
  const { metafile } = await build({
    stdin: { contents: "import 'nitro-enclave-sdk/attestation'", resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
  })
  expect(Object.keys(metafile.inputs)).toContain('dist/shared/attestation/index.js')
})

it('has all that Node’s has', () => {
  expect(Object.keys(web).toSorted()).toEqual(Object.keys(node).toSorted())
})
