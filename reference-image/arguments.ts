/** Arguments of Dockerfile.enclave, as `docker build --build-arg` takes them: NAME=VALUE, or NAME from the environment. */
import { UsageError } from '../shared/errors.js'

/** Throws UsageError ERR_USAGE for one that the Dockerfile does not know: it would be ignored, and a default trusted. */
export function buildArguments(
  given: readonly string[],
  dockerfile: string,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const known = new Set([...dockerfile.matchAll(/^ARG (\w+)/gm)].map(([, name = '']) => name))
  const values: Record<string, string> = {}
  for (const argument of given) {
    const [name = ''] = argument.split('=', 1)
    const value = argument.includes('=') ? argument.slice(name.length + 1) : environment[name]
    if (!known.has(name))
      throw new UsageError(
        'ERR_USAGE',
        `Dockerfile.enclave has no argument ${name}; it has ${[...known].join(', ')}`,
      )
    if (value === undefined)
      throw new UsageError('ERR_USAGE', `${name} has no value, and the environment has none`)
    values[name] = value
  }
  return values
}
