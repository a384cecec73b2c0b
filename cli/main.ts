/** The command line: one file a command; here they come together. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { EXIT_CODES } from './exit-codes.js'

/** In the order of the help. Each is loaded when it is asked for: together they take as long as Node itself. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  simulate: async () => (await import('./simulate.js')).simulateCommand(),
  kms: async () => (await import('./kms.js')).kmsCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  'open-envelope': async () => (await import('./open-envelope.js')).openEnvelopeCommand(),
  eif: async () => (await import('./eif.js')).eifCommand(),
  nsm: async () => (await import('./nsm.js')).nsmCommand(),
  proxy: async () => (await import('./proxy.js')).proxyCommand(),
}

export async function main(argv: readonly string[]): Promise<void> {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  const program = new Command('nitro-enclave')
    .description(
      'AWS Nitro Enclave applications in TypeScript: simulate them, verify their attestation documents.',
    )
    .version(version)
    .showHelpAfterError('(run it with --help for what it takes)')
    .addHelpText('after', `\n${EXIT_CODES}`)
    // Only before a command are the program's own: `eif build` has a --version, too.
    .enablePositionalOptions()
  for (const command of await commandsFor(argv)) program.addCommand(command)
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

/** The one asked for; all of them for the help, or when there is none of that name. */
async function commandsFor([, , name = '']: readonly string[]): Promise<readonly Command[]> {
  const asked = Object.entries(COMMANDS).filter(([known]) => known === name || !Object.hasOwn(COMMANDS, name))
  return Promise.all(asked.map(([, load]) => load()))
}

/** Groups and what is in them. */
function commandsBelow(command: Command): readonly Command[] {
  return command.commands.flatMap((one) => [one, ...commandsBelow(one)])
}
