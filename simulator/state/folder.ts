/** The folder of a simulator's state. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from '../../shared/errors.js'

/** Makes a folder that is missing, and those above it, readable by their owner only. Throws UsageError ERR_USAGE. */
export async function makeFolder(directory: string): Promise<void> {
  // Of a shell's unset variable, say: made absolute it would be whichever folder the process stands in.
  if (directory === '') throw new UsageError('ERR_USAGE', 'the folder for the state has no name: give one')
  try {
    await make(directory)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError('ERR_USAGE', `cannot make the folder ${directory}: ${code ?? message}`)
  }
}

/** Not by mkdir's own `recursive`: where a folder can hold none (/proc), Node tries again without end. */
async function make(directory: string): Promise<void> {
  const first = await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => error)
  if (first === undefined) return
  if (first.code === 'EEXIST' && (await isFolder(directory))) return
  const above = dirname(directory)
  if (first.code !== 'ENOENT' || above === directory) throw first
  if (!(await isFolder(above))) await make(above)
  await mkdir(directory, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    // Made by somebody else meanwhile.
    if (error.code !== 'EEXIST' || !(await isFolder(directory))) throw error
  })
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}
