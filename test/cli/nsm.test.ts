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
