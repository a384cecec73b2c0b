/** Debian packages that must be installed to be used: only those that are missing. */
import { Skipped } from './outcome.js'
import { CommandFailed, run } from './run.js'
import { say, step } from './steps.js'

let updated = false

export async function ensureInstalled(packages: readonly string[]): Promise<void> {
  const missing = await missingOf(packages)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) throw new Skipped(`not root, so it cannot install ${missing.join(' ')}`)
  await step(`installing ${missing.join(' ')}`, async () => {
    try {
      await install(missing)
    } catch (error) {
      // The machine's lists may be old or missing: the packages they name are gone from the mirror.
      if (updated) throw unavailable(missing, error)
      await updateLists()
      await install(missing).catch((again: unknown) => {
        throw unavailable(missing, again)
      })
    }
  })
}

/** The machine's own lists, as its owner would. */
export async function updateLists(): Promise<void> {
  say('   apt-get update')
  updated = true
  await run('apt-get', ['-qq', 'update']).catch((error: unknown) => {
    throw new Skipped(`apt-get update does not work here: ${messageOf(error)}`)
  })
}

async function missingOf(packages: readonly string[]): Promise<readonly string[]> {
  const format = `${['binary:Package', 'db:Status-Status'].map((field) => `$\{${field}}`).join(' ')}\n`
  // It ends with 1 when it does not know one of them, and lists the others all the same.
  const known = await run('dpkg-query', ['-W', '-f', format, ...packages]).catch((error: unknown) => {
    if (error instanceof CommandFailed) return error.output
    throw error
  })
  const installed = new Set<string>()
  for (const line of known.split('\n')) {
    const [name = '', status] = line.split(' ')
    if (status === 'installed') installed.add(name.replace(/:.*/, ''))
  }
  return packages.filter((name) => !installed.has(name))
}

async function install(packages: readonly string[]): Promise<void> {
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  })
}

function unavailable(packages: readonly string[], error: unknown): Skipped {
  return new Skipped(`apt-get cannot install ${packages.join(' ')}: ${messageOf(error)}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
