/** Members that stand twice in one object of a JSON text: JSON.parse keeps the last, and the first asks for nothing. */

/** The place of the first, as keys from the outermost object on; undefined when there is none. `source` is valid JSON. */
export function duplicateMember(source: string): readonly string[] | undefined {
  const open: { readonly names: Set<string>; latest: string | undefined }[] = []
  for (const [token, string, colon] of source.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[[\]{}]/g)) {
    const innermost = open.at(-1)
    if (token === '{' || token === '[') open.push({ names: new Set(), latest: undefined })
    else if (token === '}' || token === ']') open.pop()
    else if (innermost !== undefined && string !== undefined && colon !== undefined) {
      innermost.latest = String(JSON.parse(string))
      if (innermost.names.has(innermost.latest)) return open.flatMap(({ latest }) => latest ?? [])
      innermost.names.add(innermost.latest)
    }
  }
  return undefined
}
