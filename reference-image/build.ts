/** Dockerfile.enclave, built by buildah on this machine, as an OCI image layout. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { baseImage } from './base-image.js'
import { buildah } from './buildah.js'

const CONTEXT = fileURLToPath(new URL('..', import.meta.url))
/** The machine's own certificates, for a registry behind one of its own. */
const CERTIFICATES = '/etc/ssl/certs'

export interface BuildOptions {
  /** The image's tag: one of its own for each kind of image. */
  readonly tag: string
  /** Folder for the layout; replaced. */
  readonly output: string
  /** By the names of Dockerfile.enclave's ARGs. */
  readonly args?: Readonly<Record<string, string>> | undefined
  /** Takes no step from an earlier build. */
  readonly fresh?: boolean | undefined
}

export async function buildReferenceImage({ tag, output, args = {}, fresh }: BuildOptions): Promise<void> {
  const image = nameOf(tag)
  const work = mkdtempSync(join(tmpdir(), 'nitro-image-'))
  try {
    const npmrc = join(work, 'npmrc')
    writeFileSync(
      npmrc,
      `cafile=${CERTIFICATES}/ca-certificates.crt\nupdate-notifier=false\nprefer-offline=true\n`,
    )
    const base = { NODE_IMAGE: await baseImage(), NODE_DIGEST: '', ...args }
    const cache = join(homedir(), '.npm')
    const volumes = [`${npmrc}:/root/.npmrc:ro`, `${CERTIFICATES}:${CERTIFICATES}:ro`]
    if (existsSync(cache)) volumes.push(`${cache}:/root/.npm`)
    await buildah(
      'bud',
      ...['--quiet', '--pull-never', '--network', 'host', fresh ? '--no-cache' : '--layers'],
      ...volumes.flatMap((volume) => ['--volume', volume]),
      ...Object.entries(base).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      ...['--file', join(CONTEXT, 'Dockerfile.enclave'), '--tag', image, CONTEXT],
    )
    rmSync(output, { recursive: true, force: true })
    await buildah('push', '--quiet', image, `oci:${output}:${tag}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const nameOf = (tag: string): string => `localhost/nitro-enclave-sdk:${tag}`

/** Calls `use` with the path of the image's root file system, as long as that is there. */
export async function withImageRoot<T>(tag: string, use: (root: string) => Promise<T>): Promise<T> {
  const container = (await buildah('from', '--pull-never', nameOf(tag))).trim()
  try {
    return await use((await buildah('mount', container)).trim())
  } finally {
    await buildah('rm', container)
  }
}
