/** One command, run to its end; its output is shown only when it fails. */
import { start } from './cleanup.js'

export class CommandFailed extends Error {
  override name = 'CommandFailed'
  readonly output: string

  constructor(command: string, how: string, output: string) {
    super(`${command} ${how}: ${lastWords(output)}`)
    this.output = output
  }
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** @returns what it wrote to its standard output */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const child = start(command, args, {
    cwd: options.cwd,
    // The messages of apt, tar and so on are read below.
    env: { ...process.env, LC_ALL: 'C', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let all = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
    all += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    all += text
  })
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`cannot start, ${error.message}`))
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${code ?? signal}`))
  })
  if (how !== '') throw new CommandFailed(command, how, all)
  return output
}

/** What a reader needs of a long log: apt's and compilers' errors, else the last line. */
function lastWords(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const errors = lines.filter((line) => /^E: |\berror\b|^ERROR/i.test(line))
  return (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-1)).join('; ')
}
