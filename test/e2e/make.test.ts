import { execFile } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/cli.js'

// The targets for a Nitro instance, with programs of the names that they call: each prints its arguments.

interface Made {
  readonly code: unknown
  readonly commands: readonly string[]
  readonly stderr: string
}

function make(target: string, variables: readonly string[], programs: readonly string[]): Promise<Made> {
  const folder = temporaryFolder()
  const log = join(folder, 'log')
  writeFileSync(log, '')
  for (const name of programs) {
    const file = join(folder, name)
    writeFileSync(file, `#!/bin/sh\necho "${name} $*"\n`)
    chmodSync(file, 0o755)
  }
  const env = { ...process.env, PATH: `${folder}:/usr/bin:/bin` }
  return new Promise((done) => {
    execFile(
      'make',
      ['--silent', target, ...variables],
      { env, cwd: resolve('.') },
      (error, stdout, stderr) =>
        done({ code: error?.code ?? 0, commands: stdout.split('\n').filter((line) => line !== ''), stderr }),
    )
  })
}

describe('on a Nitro instance', () => {
  it.each([
    [
      'run-enclave',
      ['EIF=some.eif', 'MEMORY=1024', 'CPUS=4', 'CID=17', 'NAME=app'],
      'nitro-cli run-enclave --eif-path some.eif --memory 1024 --cpu-count 4 --enclave-cid 17 --enclave-name app',
    ],
    [
      'run-enclave',
      ['DEBUG=1'],
      'nitro-cli run-enclave --eif-path build/enclave.eif --memory 512 --cpu-count 2 --enclave-cid 16 --enclave-name nitro-enclave-sdk --debug-mode',
    ],
    ['console', ['NAME=app'], 'nitro-cli console --enclave-name app'],
    ['terminate', ['NAME=app'], 'nitro-cli terminate-enclave --enclave-name app'],
  ])('make %s %j', async (target, variables, command) => {
    const { code, commands } = await make(target, variables, ['nitro-cli'])
    expect(commands.at(-1)).toBe(command)
    expect(code).toBe(0)
  })

  it('make eif hands its arguments to docker, and the key to nitro-cli', async () => {
    const variables = [
      'IMAGE_ARGS=REGION=eu-west-1 PROXY_PORT=8001',
      'EIF=build/test/some.eif',
      'SIGNING_CERTIFICATE=cert.pem',
      'PRIVATE_KEY=key.pem',
    ]
    const { commands } = await make('eif', variables, ['docker', 'nitro-cli'])
    expect(commands).toEqual([
      'docker build --file Dockerfile.enclave --tag nitro-enclave-sdk:latest --build-arg REGION=eu-west-1 --build-arg PROXY_PORT=8001 .',
      'nitro-cli build-enclave --docker-uri nitro-enclave-sdk:latest --output-file build/test/some.eif --signing-certificate cert.pem --private-key key.pem',
    ])
  })
})

describe('elsewhere', () => {
  it.each(['eif', 'run-enclave', 'console', 'terminate'])(
    'make %s says what is missing, and what works here',
    async (target) => {
      const { code, commands, stderr } = await make(target, [], ['docker'])
      expect(code).toBe(2)
      expect(commands).toEqual([])
      expect(stderr).toMatch(
        new RegExp(
          `^make ${target}: there is no nitro-cli here: .*Nitro Enclaves.*make (eif-local|simulate)`,
        ),
      )
    },
  )
})
