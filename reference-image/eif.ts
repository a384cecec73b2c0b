/** From Dockerfile.enclave to an EIF on this machine: buildah, our own builder, and blobs without nitro-cli. */
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removeFolder, temporaryFolder } from '../debian/cleanup.js'
import { say, step } from '../debian/steps.js'
import { buildEif, type Measurements, prepareRootFilesystem, type Signing } from '../image/index.js'
import { withoutControls } from '../shared/printable.js'
import { type BuildOptions, buildReferenceImage } from './build.js'

const PACKAGE = fileURLToPath(new URL('../package.json', import.meta.url))

export interface MakeEifOptions extends Omit<BuildOptions, 'output'> {
  /** Of the image, for its metadata. */
  readonly name: string
  readonly blobs: string
  readonly output: string
  readonly signing?: Signing | undefined
  /** Another image of the same root: what the command line gets besides, and where it goes. */
  readonly also?: { readonly commandLine: string; readonly output: string }
}

export interface MadeEif {
  /** buildah's, of the image that became the EIF. */
  readonly imageId: string
  readonly measurements: Measurements
  /** Of the image that `also` asks for. */
  readonly other?: Measurements
}

export async function makeEif(options: MakeEifOptions): Promise<MadeEif> {
  const { name, tag, args, fresh, blobs, output, also, signing } = options
  mkdirSync(dirname(output), { recursive: true })
  const folder = temporaryFolder(dirname(output), '.making-')
  try {
    const layout = join(folder, 'oci')
    const imageId = await step(`building Dockerfile.enclave (${tag})`, () =>
      buildReferenceImage({ tag, args, fresh, output: layout }),
    )
    return await step(`writing ${output}`, async () => {
      const work = join(folder, 'work')
      mkdirSync(work)
      const { commandLine, warnings, ...parts } = await prepareRootFilesystem({
        rootfs: layout,
        blobs,
        folder: work,
      })
      for (const warning of warnings) say(`   warning: ${withoutControls(warning)}`)
      const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }
      const image = { ...parts, name, version, ...(signing && { signing }) }
      const measurements = await buildEif({ ...image, commandLine, output })
      if (also === undefined) return { measurements, imageId }
      const longer = `${commandLine} ${also.commandLine}`
      const other = await buildEif({ ...image, commandLine: longer, output: also.output })
      return { measurements, imageId, other }
    })
  } finally {
    removeFolder(folder)
  }
}
