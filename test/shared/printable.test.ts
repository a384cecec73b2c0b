import { describe, expect, it } from 'vitest'
import { shown, withoutControls } from '../../shared/printable.js'

describe('text from a peer, made fit for a terminal', () => {
  it.each([
    ['a terminal escape', '\x1b[2J', '\\u{1b}[2J'],
    ['a line break', 'a\nb', 'a\\u{a}b'],
    ['a C1 control', '\x9b', '\\u{9b}'],
    ['a line separator', '\u2028', '\\u{2028}'],
    ['a paragraph separator', '\u2029', '\\u{2029}'],
    ['a change of direction', '\u202e', '\\u{202e}'],
    ['a tag beyond the basic plane', '\u{e0041}', '\\u{e0041}'],
    ['half of a character', '\ud800', '\\u{d800}'],
  ])('has %s as its code point', (_, text, fit) => {
    expect(withoutControls(`<${text}${text}>`)).toBe(`<${fit}${fit}>`)
  })

  it('is otherwise as it was', () => {
    for (const text of ['', 'i-0123-enc4567', 'Zürich “–” 北京 🦜 \\u{1b}'])
      expect(withoutControls(text)).toBe(text)
  })
})

describe('a value in a message', () => {
  it.each([
    [-35, '-35'],
    [Number.NaN, 'NaN'],
    [2n ** 64n, '18446744073709551616'],
    [undefined, 'undefined'],
    ['SHA256', '"SHA256"'],
    ['', '""'],
    ['\x1b]0;x\x07', '"\\u{1b}]0;x\\u{7}"'],
    [null, 'neither a number nor a text'],
    [true, 'neither a number nor a text'],
    [Symbol('s'), 'neither a number nor a text'],
    [['SHA256'], 'neither a number nor a text'],
    [{ toString: () => 'SHA256' }, 'neither a number nor a text'],
  ])('%s', (value, text) => {
    expect(shown(value)).toBe(text)
  })

  it('has 64 characters of a text, and a mark where there were more', () => {
    expect(shown('x'.repeat(64))).toBe(`"${'x'.repeat(64)}"`)
    expect(shown('x'.repeat(65))).toBe(`"${'x'.repeat(64)}…"`)
  })
})
