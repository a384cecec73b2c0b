/** The JSON of an OCI image, and of Docker's schema 2, as far as it is needed here (OCI image specification 1.1). */
import { z } from 'zod'
import { FormatError } from '../../shared/errors.js'
import { withoutControls } from '../../shared/printable.js'

/** A descriptor names a blob by its digest (descriptor.md). */
const descriptor = z.object({
  mediaType: z.string(),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'only digests of the form sha256:<64 hex digits> are read'),
  size: z.number().int().nonnegative(),
  platform: z.object({ architecture: z.string(), os: z.string() }).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
})

/** image-layout.md, "oci-layout file" */
export const layoutSchema = z.object({ imageLayoutVersion: z.literal('1.0.0') })

/** image-index.md */
export const indexSchema = z.object({ schemaVersion: z.literal(2), manifests: z.array(descriptor) })

/** manifest.md */
export const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  config: descriptor,
  layers: z.array(descriptor),
})

/** config.md */
export const configSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  config: z
    .object({
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(z.string()).nullable() }),
})

export type Descriptor = z.infer<typeof descriptor>
export type OciIndex = z.infer<typeof indexSchema>
export type OciManifest = z.infer<typeof manifestSchema>
export type OciConfig = z.infer<typeof configSchema>

/** Throws FormatError ERR_OCI_IMAGE, which says what is wrong where in `what`. */
export function parseOciJson<T>(bytes: Uint8Array, schema: z.ZodType<T>, what: string): T {
  const result = schema.safeParse(jsonOf(bytes, what))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue?.path.join('.') ?? ''
  const why = withoutControls(issue?.message ?? 'it has another form')
  throw new FormatError(
    'ERR_OCI_IMAGE',
    `${what}${where === '' ? '' : `, ${withoutControls(where)}`}: ${why}`,
  )
}

function jsonOf(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new FormatError('ERR_OCI_IMAGE', `${what} is not JSON`)
  }
}
