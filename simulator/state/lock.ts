/**
 * One process at a time. The lock is a Unix socket that its holder listens on: the kernel ends it with the process,
 * however that dies, so that no number of a process is ever asked whether it lives (numbers are used again, and in
 * containers every process is number 1). Valid on one machine, across its containers.
 *
 * Each contender listens under a name that nobody had before, then looks for others. Of two at once the later
 * announced sees the earlier, so that never two of them hold the lock; a name whose socket is dead stays dead,
 * and can be removed.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '../../shared/errors.js'

/** Two that started at one moment both step back: how often they try again, and the longest wait between, ms. */
const ATTEMPTS = 10
const MAX_PAUSE = 50

/** A name that is not yet listened on. */
const PREPARING = '.new'

export interface Lock {
  /** Lets others have it. Does nothing the second time. */
  release(): Promise<void>
}

/**
 * Takes the lock `path`, of which nothing stands in the folder but sockets `path.HOST-PROCESS-RANDOM`. It ends with
 * `release` or with the process, which it does not keep alive.
 * Throws UsageError ERR_USAGE that says who holds it, or why there can be none in this folder.
 */
export async function lockFile(path: string): Promise<Lock> {
  for (let attempt = 1; ; attempt++) {
    const announced = await announce(path)
    const other = await anotherHolder(path, announced).catch(async (error: unknown) => {
      await announced.release()
      throw error
    })
    if (other === undefined) return { release: announced.release }
    await announced.release()
    if (attempt === ATTEMPTS) throw held(path, other)
    await delay(Math.random() * MAX_PAUSE)
  }
}

interface Announced extends Lock {
  readonly name: string
}

async function announce(path: string): Promise<Announced> {
  const folder = dirname(path)
  const host = hostname()
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 16)
  const name = `${basename(path)}.${host}-${process.pid}-${randomBytes(6).toString('hex')}`
  const server = createServer((socket) => socket.destroy())
  try {
    await listen(server, folder, `${name}${PREPARING}`)
    // Only now can others see it: a name that refuses connections is dead.
    await rename(join(folder, `${name}${PREPARING}`), join(folder, name))
  } catch (error) {
    server.close()
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      'ERR_USAGE',
      `cannot lock ${path} (${code}): choose a folder that is writable, on a local file system`,
    )
  }
  server.unref()
  const release = async () => {
    await rm(join(folder, name), { force: true })
    server.close()
  }
  return { name, release }
}

/** The name of another that is alive, if there is one. Removes dead ones. */
async function anotherHolder(path: string, { name: own }: Announced): Promise<string | undefined> {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of await readdir(folder)) {
    if (name === own || !name.startsWith(prefix) || name.endsWith(PREPARING)) continue
    const file = join(folder, name)
    if (!(await lstat(file).catch(() => undefined))?.isSocket()) continue
    if (await isAlive(folder, name)) return name
    await rm(file, { force: true })
  }
  return undefined
}

/** Whatever is not surely dead is alive: a stopped process, a full queue, another user's socket. */
async function isAlive(folder: string, name: string): Promise<boolean> {
  return withShortPath(folder, name, async (path) => {
    const socket = connect(path)
    try {
      await once(socket, 'connect')
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return code !== 'ECONNREFUSED' && code !== 'ENOENT'
    } finally {
      socket.destroy()
    }
  })
}

async function listen(server: Server, folder: string, name: string): Promise<void> {
  await withShortPath(folder, name, async (path) => {
    server.listen(path)
    await once(server, 'listening')
  })
}

/** A Unix socket's path has 107 bytes at most; by way of an open folder it is short. */
async function withShortPath<T>(folder: string, name: string, use: (path: string) => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return use(join(folder, name))
  const opened: FileHandle = await open(folder, 'r')
  try {
    return await use(`/proc/self/fd/${opened.fd}/${name}`)
  } finally {
    await opened.close()
  }
}

function held(path: string, name: string): UsageError {
  const [, host, process] = /\.([A-Za-z0-9]*)-(\d+)-[0-9a-f]+$/.exec(name) ?? []
  const who = process === undefined ? name : `process ${process} on ${host}`
  return new UsageError(
    'ERR_USAGE',
    `${dirname(path)} is in use by ${who} (${basename(path)}): end that, or choose another folder`,
  )
}
