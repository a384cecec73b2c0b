/**
 * Packages of a Debian suite that the machine itself need not know: taken apart, never installed. Lists and archives
 * stand in a folder of their own, so that apt's configuration and state on the machine stay as they are.
 */
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { updateLists } from './apt-install.js'
import { cacheFolder } from './cache.js'
import { temporaryFolder } from './cleanup.js'
import { Skipped } from './outcome.js'
import { run } from './run.js'
import { step } from './steps.js'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

export type Suite = 'bookworm' | 'bookworm-backports' | 'sid'

interface Lists {
  readonly folder: string
  readonly options: readonly string[]
}

const opened = new Map<Suite, Promise<Lists>>()

/** Unpacks the packages, without their dependencies, into `folder`. */
export async function unpack(suite: Suite, packages: readonly string[], folder: string): Promise<void> {
  const { folder: own, options } = await open(suite)
  const archives = mkdtempSync(join(own, 'debs-'))
  await fetching(suite, packages, () =>
    run('apt-get', [...options, 'download', ...packages], { cwd: archives }),
  )
  for (const name of readdirSync(archives)) await run('dpkg', ['-x', join(archives, name), folder])
}

/** Puts the tar files of a source package's upstream into `folder`. */
export async function downloadSource(suite: Suite, name: string, folder: string): Promise<void> {
  const { options } = await open(suite)
  const args = [...options, 'source', '--download-only', '--tar-only', name]
  await fetching(suite, [name], () => run('apt-get', args, { cwd: folder }))
}

/** The package that a metapackage of the suite stands for. */
export async function dependency(suite: Suite, metapackage: string, pattern: RegExp): Promise<string> {
  const { options } = await open(suite)
  const text = await fetching(suite, [metapackage], () =>
    run('apt-cache', [...options, 'depends', metapackage]),
  )
  const names = [...text.matchAll(/Depends: (\S+)/g)].map(([, name]) => name ?? '')
  const found = names.find((name) => pattern.test(name))
  if (found === undefined)
    throw new Skipped(`${metapackage} of ${suite} depends on nothing like ${pattern.source}`)
  return found
}

async function fetching<T>(suite: Suite, names: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Skipped(`${names.join(' ')} cannot be had from ${suite}: ${String(error)}`)
  }
}

function open(suite: Suite): Promise<Lists> {
  const lists = opened.get(suite) ?? step(`reading the package lists of ${suite}`, () => readLists(suite))
  opened.set(suite, lists)
  return lists
}

async function readLists(suite: Suite): Promise<Lists> {
  const mirror = await debianMirror()
  mkdirSync(cacheFolder(), { recursive: true })
  const folder = temporaryFolder(cacheFolder(), '.making-')
  for (const name of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, name), { recursive: true })
  const sources = join(folder, 'sources.list')
  const lines = ['deb', 'deb-src'].map((kind) => `${kind} [signed-by=${KEYRING}] ${mirror} ${suite} main\n`)
  writeFileSync(sources, lines.join(''))
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    // The folder is ours alone: apt's own user could not write there.
    'APT::Sandbox::User': '',
  }
  const options = ['-qq', ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])]
  await fetching(suite, ['package lists'], () => run('apt-get', [...options, 'update', '--error-on=any']))
  return { folder, options }
}

/** The mirror that the machine itself uses for Debian's main archive. */
export async function debianMirror(): Promise<string> {
  const found = await mirrorInUse()
  if (found !== undefined) return found
  // A machine that never read its lists does not know yet what its sources are.
  await updateLists()
  const afterUpdate = await mirrorInUse()
  if (afterUpdate === undefined) throw new Skipped("apt's configuration names no archive of Debian's")
  return afterUpdate
}

async function mirrorInUse(): Promise<string | undefined> {
  const format = '$(LABEL) $(COMPONENT) $(CODENAME) $(REPO_URI)'
  const text = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const targets = text.split('\n').map((line) => line.split(' '))
  const main = targets.find(([label, component, codename]) => {
    return label === 'Debian' && component === 'main' && codename !== undefined && !codename.includes('-')
  })
  return main?.[3]
}
