/** What the production image holds: every file of it, by name. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { say } from '../../debian/steps.js'
import { amazonTrustAnchors } from '../../enclave/kms/trust-anchors.js'

const ALLOWED = [
  /^bin\/node$/,
  /^enclave\/(main\.mjs|addon\.node|configuration\.json|tls-roots\.pem)$/,
  // What main.mjs loads, named by their contents.
  /^enclave\/[a-z-]+-[A-Z0-9]{8}\.mjs$/,
  // The loader, and the libraries of Node and the addon.
  /^lib(64)?\/([a-z0-9_-]+\/)?(ld-linux-[a-z0-9-]+|lib(c|dl|gcc_s|m|pthread|stdc\+\+))\.so\.\d+$/,
]
/** Empty: where init mounts. */
const FOLDERS = ['bin', 'dev', 'enclave', 'lib', 'lib64', 'proc', 'run', 'sys', 'tmp', 'var']

/** @throws Error for a file that should not be in the image at `root`, or one that should and is not */
export async function checkContents(root: string): Promise<void> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const files = paths.filter((path) => !lstatSync(join(root, path)).isDirectory())
  const unwanted = files.filter((path) => !ALLOWED.some((pattern) => pattern.test(path)))
  if (unwanted.length > 0) throw new Error(`the image holds ${unwanted.join(', ')}`)
  const missing = ALLOWED.filter((pattern) => !files.some((path) => pattern.test(path)))
  if (missing.length > 0) throw new Error(`the image lacks ${missing.join(', ')}`)
  const folders = readdirSync(root).filter((name) => !FOLDERS.includes(name))
  if (folders.length > 0) throw new Error(`the image has the folders ${folders.join(', ')}`)

  const read = (name: string): string => readFileSync(join(root, 'enclave', name), 'utf8')
  const configuration: unknown = JSON.parse(read('configuration.json'))
  const expected = { region: 'us-east-1', parentCid: 3, proxyPort: 8000, controlPort: 5000 }
  if (JSON.stringify(configuration) !== JSON.stringify(expected))
    throw new Error(`the image trusts ${JSON.stringify(configuration)}`)
  if (read('tls-roots.pem').trim() !== amazonTrustAnchors().join('\n').trim())
    throw new Error("the image's roots are not Amazon's")
  say(`   the image holds ${files.length} files, and nothing that it should not`)
}
