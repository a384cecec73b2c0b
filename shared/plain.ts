/**
 * Whether a value is an object of no class, or an array: its members are its own. Of an instance (a Map, a promise that
 * nobody awaited, a class with getters) they may not be: taken for options it would ask for nothing. Objects of another
 * frame are as good.
 */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null) return prototype === null
  // Only Object.prototype, whichever frame's, has this of its own and inherits nothing.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
