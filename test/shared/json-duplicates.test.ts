import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { duplicateMember } from '../../shared/json-duplicates.js'

describe('a member that stands twice in one object', () => {
  it.each<[string, readonly string[]]>([
    ['{"a": 1, "a": 2}', ['a']],
    ['{"a": 1, "\\u0061" : 2}', ['a']],
    ['{"x": {"a": 1, "b": {"a": 2, "a": 3}}}', ['x', 'b', 'a']],
    ['[{"a": 1}, {"b": "}", "b": 2}]', ['b']],
    ['{"a": {"b": 1}, "a": {}}', ['a']],
    ['{"": 1, "": 1}', ['']],
    ['{"a": [1, {"b": []}], "a": 2}', ['a']],
  ])('is found in %s', (text, path) => {
    expect(JSON.parse(text)).toBeDefined()
    expect(duplicateMember(text)).toEqual(path)
  })

  it.each([
    '{"a": {"a": 1}, "b": {"a": 1}}',
    '["a", "a"]',
    '{"a": "a\\": 1, \\"a", "b": ["{\\"a"]}',
    '"a"',
    '1',
  ])('is not in %s', (text) => {
    expect(JSON.parse(text)).toBeDefined()
    expect(duplicateMember(text)).toBeUndefined()
  })

  it('is not in what JSON.stringify wrote', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => duplicateMember(JSON.stringify(value)) === undefined))
  })
})
