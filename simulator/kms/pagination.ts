/** Lists in pages. Source: KMS API Reference, "ListKeys", Marker and Truncated. */
import { invalidMarker } from './errors.js'
import type { Bounds, RequestReader } from './request.js'

export interface PageRequest {
  readonly limit: number
  readonly marker: string | undefined
}

/** `preset`: how many items a page has when the request does not say. */
export function readPage(r: RequestReader, preset: number, bounds: Bounds): PageRequest {
  return {
    limit: r.integer('Limit', bounds) ?? preset,
    marker: r.text('Marker', { max: 1024, pattern: /^[\u0020-\u00FF]*$/ }),
  }
}

/**
 * The items after the marker, which is the name of the last one that the caller has seen, so that none is lost or
 * seen twice when others come between. Throws KmsError InvalidMarkerException.
 */
export function page<T>(items: readonly T[], nameOf: (item: T) => string, { limit, marker }: PageRequest) {
  const after = marker === undefined ? '' : unmark(marker)
  const rest = items.filter((item) => nameOf(item) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const shown = rest.slice(0, limit)
  const last = shown.at(-1)
  const more = rest.length > shown.length && last !== undefined
  return { shown, next: more ? { Truncated: true, NextMarker: mark(nameOf(last)) } : { Truncated: false } }
}

const mark = (name: string) => Buffer.from(name).toString('base64')

function unmark(marker: string): string {
  const name = Buffer.from(marker, 'base64').toString()
  if (name === '' || mark(name) !== marker) throw invalidMarker()
  return name
}
