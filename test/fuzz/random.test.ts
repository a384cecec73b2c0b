import { expect, it } from 'vitest'
import { Random } from './random.js'

it('is decided by its seed', () => {
  const numbers = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 100 }, () => random.next())
  }
  expect(numbers(1)).toEqual(numbers(1))
  expect(numbers(1)).not.toEqual(numbers(2))
})

it('reaches every number below a limit, and none above', () => {
  const random = new Random(3)
  const seen = new Set(Array.from({ length: 1_000 }, () => random.below(7)))
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(random.below(0)).toBe(0)
})
