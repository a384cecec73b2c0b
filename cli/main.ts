/** The command line: one file a command; here they come together. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { eifCommand } from './eif.js'
import { EXIT_CODES } from './exit-codes.js'
import { inspectCommand } from './inspect.js'
import { openEnvelopeCommand } from './open-envelope.js'
import { proxyCommand } from './proxy.js'
import { simulateCommand } from './simulate.js'
import { verifyCommand } from './verify.js'

export async function main(argv: readonly string[]): Promise<void> {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  const program = new Command('nitro-enclave')
    .description(
      'AWS Nitro Enclave applications in TypeScript: simulate them, verify their attestation documents.',
    )
    .version(version)
    .showHelpAfterError('(run it with --help for what it takes)')
    .addHelpText('after', `\n${EXIT_CODES}`)
    .addCommand(simulateCommand())
    .addCommand(verifyCommand())
    .addCommand(inspectCommand())
    .addCommand(openEnvelopeCommand())
    .addCommand(eifCommand())
    .addCommand(proxyCommand())
    // Only before a command are the program's own: `eif build` has a --version, too.
    .enablePositionalOptions()
  for (const command of commandsBelow(program)) {
    command
      .exitOverride()
      .showHelpAfterError('(run it with --help for what it takes)')
      .addHelpText('after', `\n${EXIT_CODES}`)
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`… | head`) is no error.
    if (error.code === 'EPIPE') return
    process.exitCode ||= 4
    process.stderr.write(`nitro-enclave: cannot write to standard output: ${error.code}\n`)
  })
  try {
    await program.exitOverride().parseAsync([...argv])
  } catch (error) {
    // Its help or its word on a flag has been printed; the exit waits until that is written.
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode
  }
}

/** Groups and what is in them. */
function commandsBelow(command: Command): readonly Command[] {
  return command.commands.flatMap((one) => [one, ...commandsBelow(one)])
}
