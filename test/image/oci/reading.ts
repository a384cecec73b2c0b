/** Images read by the product, as a test looks at them. */

import { type OciImage, type OciImageOptions, readOciImage } from '../../../image/oci/image.js'
import { cpio } from '../../../image/root/cpio.js'
import { temporaryFolder } from '../../support/cli.js'
import { refusal } from '../../support/errors.js'
import { type CpioMember, collect, readCpio } from '../root/cpio-reader.js'
import { type Image, layoutOf } from './layouts.js'
import type { TarMember } from './tar-archive.js'

export function read(layout: string, options: Partial<OciImageOptions> = {}): Promise<OciImage> {
  return readOciImage({ layout, architecture: 'x86_64', folder: temporaryFolder(), ...options })
}

/** By path. */
export async function files(layout: string): Promise<Record<string, CpioMember>> {
  const image = await read(layout)
  const members = readCpio(await collect(cpio(image.entries())))
  return Object.fromEntries(members.map((member) => [member.path, member]))
}

/** What the layers leave: contents of files, targets of links, `/` for directories. */
export async function tree(...layers: readonly (readonly TarMember[])[]): Promise<Record<string, string>> {
  const found = Object.entries(await files(layoutOf({ layers })))
  return Object.fromEntries(
    found.map(([path, { mode, content }]) => [
      path,
      (mode & 0o170000) === 0o040000 ? '/' : content.toString(),
    ]),
  )
}

/** Why the image is refused: FormatError ERR_OCI_IMAGE, or the test fails. */
export async function whyNot(image: Image | string, options: Partial<OciImageOptions> = {}): Promise<string> {
  const layout = typeof image === 'string' ? image : layoutOf(image)
  const error = await refusal(() => read(layout, options))
  if (error.code !== 'ERR_OCI_IMAGE' || error.name !== 'FormatError') throw error
  return error.message
}
