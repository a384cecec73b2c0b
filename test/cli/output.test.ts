import { afterEach, beforeEach, expect, it } from 'vitest'
import { writeBytes } from '../../cli/output.js'
import { refusal } from '../support/errors.js'

// A real terminal is not to be had everywhere that tests run.
const real = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY')
const write = process.stdout.write
let written: string
beforeEach(() => {
  written = ''
  Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true })
  process.stdout.write = ((chunk: Uint8Array | string) => {
    written += String(chunk)
    return true
  }) as typeof process.stdout.write
})
afterEach(() => {
  process.stdout.write = write
  if (real) Object.defineProperty(process.stdout, 'isTTY', real)
  else Reflect.deleteProperty(process.stdout, 'isTTY')
})

it('bytes are not thrown at a terminal, and the refusal says what is there instead', async () => {
  const error = await refusal(() => writeBytes(Uint8Array.of(0x1b, 0x5b), {}))
  expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('--hex or --base64') })
  expect(written).toBe('')
})

it('text is written to one', async () => {
  await writeBytes(Uint8Array.of(0x1b, 0x5b), { hex: true })
  expect(written).toBe('1b5b\n')
})
