import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/cli.js'
import { eifBytes, type Part } from './eif-bytes.js'

/** A folder that goes with the test, and ways to fill it; both give the path of what they wrote. */
export function eifFolder() {
  const path = temporaryFolder()
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(path, name), content)
    return join(path, name)
  }
  const image = (parts: readonly Part[], name = 'image.eif') => file(name, eifBytes(parts))
  return { path, file, image }
}
