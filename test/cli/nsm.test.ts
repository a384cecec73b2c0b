import { expect, it } from 'vitest'
import { nsmCommand } from '../../cli/nsm.js'

it.each(nsmCommand().commands.map((command) => [command.name(), command] as const))(
  "the help of `nitro-enclave nsm %s` shows the group's flags, which it takes, too",
  (_, command) => {
    const help = command.helpInformation()
    expect(help).toContain('--simulator <dir>')
    expect(help).toContain('--pcr <I=HEX>')
  },
)

it.each([
  ['attest', '--nonce'],
  ['extend', '--data-hex'],
])('%s shows no value of %s that it refuses', async (name, flag) => {
  const command = nsmCommand().commands.find((one) => one.name() === name)
  command?.exitOverride().configureOutput({ writeErr: () => {} })
  const message = await command?.parseAsync([flag, '5ec2e7a'], { from: 'user' }).catch(String)
  expect(message).toBe(
    `CommanderError: error: option '${flag} <hex>' argument is invalid. Expected hex digits, two a byte.`,
  )
})
