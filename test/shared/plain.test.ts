import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { isPlain } from '../../shared/plain.js'

it.each<[string, unknown]>([
  ['an object', { a: 1 }],
  ['an object without a prototype', Object.create(null)],
  ['an array', [1]],
  ['an object of another frame', runInNewContext('({ a: 1 })')],
])('%s is plain', (_, value) => {
  expect(isPlain(value)).toBe(true)
})

it.each<[string, unknown]>([
  ['null', null],
  ['a text', 'a'],
  ['a function', () => undefined],
  ['a Map', new Map()],
  ['a Date', new Date()],
  ['an instance of a class', new (class {})()],
  ['what inherits from an object', Object.create({ a: 1 })],
  ['what inherits from an object without a prototype', Object.create(Object.create(null))],
  ['what inherits from a function', Object.create(() => undefined)],
  ['what inherits from an object that looks like Object.prototype', Object.create({ isPrototypeOf: true })],
  ['a Map of another frame', runInNewContext('new Map()')],
])('%s is not', (_, value) => {
  expect(isPlain(value)).toBe(false)
})
