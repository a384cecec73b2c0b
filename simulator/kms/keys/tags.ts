/** Tags of CreateKey: they are checked, and not kept, because no operation here and no policy asks for them. */
import { invalidTag } from '../errors.js'
import type { RequestReader } from '../request.js'

const MAX_TAGS = 50

/** Keys of the tags. */
export function readTags(r: RequestReader): readonly string[] {
  return r.structures('Tags', { max: MAX_TAGS }).map((tag) => {
    tag.required('TagValue', tag.text('TagValue', { min: 0, max: 256 }))
    return tag.required('TagKey', tag.text('TagKey', { max: 128 }))
  })
}

/** KMS API Reference, "CreateKey", Tags. Throws KmsError TagException. The texts are invented. */
export function checkTags(keys: readonly string[]): void {
  if (new Set(keys).size !== keys.length) throw invalidTag('A tag key appears twice')
  if (keys.some((key) => key.startsWith('aws:'))) throw invalidTag('Tag keys must not begin with aws:')
}
