import { expect, it } from 'vitest'
import { parseAddress } from '../../../shared/vsock/address.js'
import { refusal } from '../../support/errors.js'

it.each(['\u009b2J', 'vsock:\u202e3:1', 'unix:/d:\u2028'])(
  'a refused address drives no terminal: %j',
  async (text) => {
    const { message } = await refusal(() => parseAddress(text))
    expect(message).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
  },
)
