/** What docs/verification.md says of policies is run as it stands there. */
import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { readVerificationPolicy } from '../../cli/verification-policy.js'
import { policySchema } from '../../cli/verification-policy-schema.js'
import { makePair } from '../image/signing.js'
import { cli, temporaryFolder } from '../support/cli.js'

const text = readFileSync('docs/verification.md', 'utf8')
const section = text.slice(text.indexOf('## Writing a policy'), text.indexOf('## The rules'))
const block = (language: string): string => {
  const [, content] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(section) ?? []
  if (content === undefined) throw new Error(`no ${language} in the section`)
  return content
}

it('the policy.json of the docs is one', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'policy.json'), block('json'))
  writeFileSync(join(folder, 'signer.pem'), (await makePair('P-384')).certificate)
  const options = await readVerificationPolicy(join(folder, 'policy.json'))
  expect(Object.keys(options).toSorted()).toEqual(['maxAge', 'pcrs', 'roleArn', 'signingCertificate'])
  expect(options).toMatchObject({ maxAge: 60_000, pcrs: { 0: [expect.anything(), expect.anything()] } })
})

it('the table of the docs names every member and flag', async () => {
  for (const member of Object.keys(policySchema.shape)) expect(section).toContain(`\`${member}\``)
  const help = (await cli(['verify', '--help'])).stdout.toString()
  const flags = [...section.matchAll(/^\|.*\|$/gm)].flatMap(([row]) => row.match(/--[a-z][a-z-]+/g) ?? [])
  expect(flags.length).toBeGreaterThan(12)
  for (const flag of flags.filter((one) => one !== '--debug-mode')) expect(help).toContain(flag)
})

it('the commands for a laptop run, and end with an accepted document', () => {
  const folder = temporaryFolder()
  symlinkSync(resolve('bin/nitro-enclave'), join(folder, 'nitro-enclave'))
  // For machines without OpenSSL's command.
  writeFileSync(join(folder, 'openssl'), '#!/bin/sh\nod -An -tx1 -N32 /dev/urandom | tr -d " \\n"\n', {
    mode: 0o755,
  })
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH ?? ''}` }
  const output = execFileSync('sh', ['-e'], { cwd: folder, env, input: block('sh') }).toString()
  expect(output).toMatch(/^genuine, and as required: i-simulated/)
  expect(output).toMatch(/passed {2}PCR0 /)
  expect(output).toMatch(/passed {2}nonce {13}32 bytes/)
})
