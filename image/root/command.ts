/** The command of an enclave and its environment, in the two files from which its init reads them. */
import { UsageError } from '../../shared/errors.js'
import { shown } from '../../shared/printable.js'

export interface Command {
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** `NAME=value` each. */
  readonly env: readonly string[]
}

/**
 * /cmd and /env, one entry a line, each ended by a line feed (aws-nitro-enclaves-cli, enclave_build/src/docker.rs,
 * write_config). Throws UsageError ERR_USAGE for an empty command and for what a line cannot hold.
 */
export function commandFiles({ command, env }: Command): { readonly cmd: string; readonly env: string } {
  if (command.length === 0 || command[0] === '') {
    throw new UsageError(
      'ERR_USAGE',
      'there is no command to start: give one, or set the image\'s (CMD ["/path/to/program", "argument"])',
    )
  }
  for (const entry of env) {
    if (!/^[^=]+=/.test(entry))
      throw new UsageError(
        'ERR_USAGE',
        `the environment's entry ${shown(entry)} is not of the form NAME=value`,
      )
  }
  return { cmd: lines(command, 'argument'), env: lines(env, "environment's entry") }
}

function lines(entries: readonly string[], what: string): string {
  for (const entry of entries) {
    if (/[\n\0]/.test(entry))
      throw new UsageError(
        'ERR_USAGE',
        `the ${what} ${shown(entry)} has a line feed or a NUL: init cannot read it`,
      )
  }
  return entries.map((entry) => `${entry}\n`).join('')
}
