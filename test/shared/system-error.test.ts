import { constants } from 'node:os'
import { expect, it } from 'vitest'
import { systemError } from '../../shared/system-error.js'

const errno = -constants.errno.ECONNRESET

it('has the form of the errors that Node makes of system calls', () => {
  const error = systemError(errno, 'connect', { address: 'vsock:3:8000' })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ errno, code: 'ECONNRESET', syscall: 'connect', address: 'vsock:3:8000' })
  expect(error.message).toBe('connect ECONNRESET vsock:3:8000')
})

it('says what it most likely means', () => {
  const error = systemError(errno, 'connect', { address: 'vsock:3:8000', hint: 'nobody listens' })
  expect(error.message).toBe('connect ECONNRESET vsock:3:8000 (nobody listens)')
})

it('says nothing of an address, or a meaning, that is not known', () => {
  const error = systemError(errno, 'read')
  expect(error.message).toBe('read ECONNRESET')
  expect(error).not.toHaveProperty('address')
  expect(systemError(errno, 'read', { hint: '' }).message).toBe('read ECONNRESET')
})
