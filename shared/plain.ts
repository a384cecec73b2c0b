/**
 * Whether a value is an object whose members are its own, or an array. A Map, a Set, or a promise that nobody awaited has
 * no members: taken for options it would ask for nothing. By its tag: objects of another frame are as good.
 */
export function isPlain(value: unknown): value is object {
  return ['[object Object]', '[object Array]'].includes(Object.prototype.toString.call(value))
}
