/** A root file system in memory, to which an image's layers are applied (OCI image specification, layer.md). */
import { FormatError } from '../../shared/errors.js'
import { shownPath } from '../root/entry-path.js'
import type { FileSystemEntry } from '../root/file-system-entry.js'

type Pathless<Entry> = Entry extends FileSystemEntry ? Omit<Entry, 'path'> : never
/** What stands at a path. */
export type Standing = Pathless<FileSystemEntry>

/** One thing that a layer does. Paths have no empty component, no `.` and no `..`; the root is the empty path. */
export type LayerChange =
  | { readonly kind: 'put'; readonly path: string; readonly standing: Standing }
  | { readonly kind: 'hard link'; readonly path: string; readonly target: string }
  /** Removes what lower layers left there. */
  | { readonly kind: 'whiteout'; readonly path: string }
  /** Removes what lower layers left in the directory. */
  | { readonly kind: 'opaque'; readonly path: string }

interface Folder {
  readonly standing: Standing
  readonly children: Map<string, Node>
}
type Node = Folder | { readonly standing: Standing; readonly children?: never }

export interface LayeredTree {
  /** Throws FormatError ERR_OCI_IMAGE, which shows the path. */
  apply(changes: readonly LayerChange[]): void
  /** In no order, without the root. */
  entries(): Generator<FileSystemEntry>
}

/** `count` is called for each directory that no layer names, and may throw. */
export function createLayeredTree(count: () => void): LayeredTree {
  const root = folder({ type: 'directory' })

  const folderOf = (path: string): { parent: Folder; name: string } => {
    const names = path.split('/')
    const name = names.pop() ?? ''
    let parent = root
    for (const [depth, step] of names.entries()) {
      const next = parent.children.get(step)
      if (next === undefined) {
        count()
        const made = folder({ type: 'directory' })
        parent.children.set(step, made)
        parent = made
      } else if (next.children === undefined) {
        const obstacle = names.slice(0, depth + 1).join('/')
        throw refused(path, `it lies in ${shownPath(obstacle)}, which is a ${next.standing.type}`)
      } else parent = next
    }
    return { parent, name }
  }

  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root
    for (const step of path === '' ? [] : path.split('/')) node = node?.children?.get(step)
    return node
  }

  const remove = (path: string): void => {
    const end = path.lastIndexOf('/')
    find(end === -1 ? '' : path.slice(0, end))?.children?.delete(path.slice(end + 1))
  }

  const put = (path: string, standing: Standing): void => {
    if (path === '') {
      // Its attributes are not kept: whoever unpacks a ramdisk decides on its root.
      if (standing.type !== 'directory') throw refused(path, `the root is a ${standing.type}`)
      return
    }
    const { parent, name } = folderOf(path)
    const children = parent.children.get(name)?.children ?? new Map<string, Node>()
    parent.children.set(name, standing.type === 'directory' ? { standing, children } : { standing })
  }

  const link = (path: string, target: string): void => {
    const node = find(target)
    if (node === undefined) throw refused(path, `a hard link to ${shownPath(target)}, which is not there`)
    if (node.children !== undefined) throw refused(path, `a hard link to the directory ${shownPath(target)}`)
    put(path, node.standing)
  }

  return {
    apply(changes) {
      // A layer removes from the layers below it only, wherever in it the whiteout stands.
      for (const change of changes) {
        if (change.kind === 'whiteout') remove(change.path)
        if (change.kind === 'opaque') find(change.path)?.children?.clear()
      }
      for (const change of changes) {
        if (change.kind === 'put') put(change.path, change.standing)
        if (change.kind === 'hard link') link(change.path, change.target)
      }
    },
    *entries() {
      const folders: [string, Folder][] = [['', root]]
      for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
        const [prefix, { children }] = next
        for (const [name, node] of children) {
          const path = `${prefix}${name}`
          yield { ...node.standing, path }
          if (node.children !== undefined) folders.push([`${path}/`, node])
        }
      }
    },
  }
}

function folder(standing: Standing): Folder {
  return { standing, children: new Map() }
}

function refused(path: string, why: string): FormatError {
  return new FormatError('ERR_OCI_IMAGE', `${shownPath(path)} in a layer: ${why}`)
}
