import { expect, it } from 'vitest'
import { readArguments } from './arguments.js'
import { TARGETS } from './targets.js'

it('is every target for a minute, with one seed, unless told otherwise', () => {
  const { targets, seed, inputs, seconds, replay } = readArguments([])
  expect({ targets, inputs, seconds, replay }).toEqual({
    targets: TARGETS,
    inputs: undefined,
    seconds: 60,
    replay: undefined,
  })
  expect(readArguments([]).seed).toBe(seed)
})

it('takes an empty value for none, as make passes it', () => {
  expect(readArguments(['--inputs', '', '--target', '', '--seed', '', '--corpus', ''])).toEqual(
    readArguments([]),
  )
})

it('takes several targets, a seed and a number of inputs', () => {
  const given = readArguments(['--target', 'cbor,ber', '--seed', '7', '--inputs', '20000', '--corpus', '/c'])
  expect(given).toMatchObject({ targets: ['cbor', 'ber'], seed: 7, inputs: 20_000, corpus: '/c' })
})

it.each([
  ['--target', 'cobr'],
  ['--inputs', 'many'],
  ['--seed', 'x1'],
])('refuses %s %s by name', (name, value) => {
  expect(() => readArguments([name, value])).toThrow(value)
})
