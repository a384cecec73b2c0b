/** The dynamic loader and the libraries of a binary, at the places where it looks for them (ld.so(8)). */
import { execFileSync } from 'node:child_process'

/** @returns absolute paths; none for a static binary */
export function librariesOf(binary: string): readonly string[] {
  const text = execFileSync('ldd', [binary], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  if (text.includes('not found')) throw new Error(`${binary} lacks a library:\n${text}`)
  return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path ?? '')
}
