import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { signed } from '../support/attestations.js'
import { NOW } from '../support/certificates.js'

const run = promisify(execFile)

/** From the built files, as their users run them: a program that imports the package, and its threads. */
let given: string
beforeAll(async () => {
  const { bytes, roots } = await signed()
  const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64')
  given = JSON.stringify({ document: base64(bytes), roots: roots.map(base64), now: NOW.getTime() })
})

async function outputOf(program: string): Promise<string> {
  const code = `
    import { verifyMany } from 'nitro-enclave-sdk/attestation'
    const given = ${given}
    const document = Buffer.from(given.document, 'base64')
    const roots = given.roots.map((root) => Buffer.from(root, 'base64'))
    const options = { roots, now: new Date(given.now), concurrency: 2 }
    let threads = 0
    process.on('worker', () => threads++)
    ${program}`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code])
  return stdout.trim()
}

it('verifies by threads of the built package', async () => {
  const output = await outputOf(`
    const verdicts = []
    for await (const { accepted, error } of verifyMany([document, document, document.subarray(1)], options)) {
      verdicts.push(accepted ? 'accepted' : error.constructor.name)
    }
    console.log(threads, ...verdicts)`)
  expect(output).toBe('2 accepted accepted FormatError')
})

it('does not keep a process that has dropped the iteration', async () => {
  const output = await outputOf(`
    const { value } = await verifyMany(Array(5).fill(document), options).next()
    console.log(threads, value.accepted)`)
  expect(output).toBe('2 true')
})
