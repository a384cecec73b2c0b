/** Dockerfile.enclave, built by buildah on this machine, as an OCI image layout. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** @returns the image's id: another build may take the tag meanwhile */
export async function buildReferenceImage({ tag, output, args = {}, fresh }: BuildOptions): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'nitro-image-'))
  try {
    const npmrc = join(work, 'npmrc')
    writeFileSync(
      npmrc,
      `cafile=${CERTIFICATES}/ca-certificates.crt\nupdate-notifier=false\nprefer-offline=true\n`,
    )
    const cache = join(homedir(), '.npm')
    const volumes = [`${npmrc}:/root/.npmrc:ro`, `${CERTIFICATES}:${CERTIFICATES}:ro`]
    if (existsSync(cache)) volumes.push(`${cache}:/root/.npm`)
    const idFile = join(work, 'id')
    await buildah(
      'bud',
      ...['--quiet', '--network', 'host', '--iidfile', idFile, fresh ? '--no-cache' : '--layers'],
      ...(await baseOf(args)),
      ...volumes.flatMap((volume) => ['--volume', volume]),
      ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      ...[
        '--file',
        join(CONTEXT, 'Dockerfile.enclave'),
        '--tag',
        `localhost/nitro-enclave-sdk:${tag}`,
        CONTEXT,
      ],
    )
    const id = readFileSync(idFile, 'utf8').trim()
    rmSync(output, { recursive: true, force: true })
    await buildah('push', '--quiet', id, `oci:${output}:${tag}`)
    return id
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The public image where it is asked for by name, else one that is made here. */
async function baseOf(args: Readonly<Record<string, string>>): Promise<readonly string[]> {
  if (args.NODE_IMAGE !== undefined) return []
  return ['--pull-never', '--build-arg', `NODE_IMAGE=${await baseImage()}`, '--build-arg', 'NODE_DIGEST=']
}

/** Calls `use` with the path of the image's root file system, as long as that is there. */
export async function withImageRoot<T>(id: string, use: (root: string) => Promise<T>): Promise<T> {
  const container = (await buildah('from', '--pull-never', id)).trim()
  try {
    return await use((await buildah('mount', container)).trim())
  } finally {
    await buildah('rm', container)
  }
}
