/** In an image, instead of native/load-binary.ts: the addon's one binary, beside the program. */
import { createRequire } from 'node:module'

/** @throws Error when it is missing or not for this machine */
export function loadBinary(): unknown {
  return createRequire(import.meta.url)('./addon.node')
}
