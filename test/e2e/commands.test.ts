import { expect, it } from 'vitest'
import { cli } from '../support/cli.js'

// The program loads none but the command asked for: its help must not forget the others.
it('the help names every command', async () => {
  const { code, stdout } = await cli(['--help'])
  const names = [...stdout.toString().matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name)
  expect(code).toBe(0)
  expect(names).toEqual(
    expect.arrayContaining(['simulate', 'kms', 'verify', 'inspect', 'open-envelope', 'eif', 'nsm', 'proxy']),
  )
})

it.each([[['help', 'eif']], [['eif', '--help']]])(
  '%j tells of a command and those below it',
  async (args) => {
    const { code, stdout } = await cli(args)
    expect([code, stdout.toString()]).toEqual([0, expect.stringContaining('describe [options] <file>')])
  },
)

it.each(['bogus', 'constructor'])('%s is no command', async (name) => {
  const { code, stdout, stderr } = await cli([name])
  expect([code, stdout.toString()]).toEqual([1, ''])
  expect(stderr).toContain(`unknown command '${name}'`)
})
