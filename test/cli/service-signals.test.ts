import { expect, it, onTestFinished, vi } from 'vitest'
import { hearSignals } from '../../cli/service-signals.js'

const NAMES = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const

const hear = () => {
  const before = new Map(NAMES.map((name) => [name, process.listeners(name)]))
  onTestFinished(() => {
    for (const name of NAMES) {
      for (const listener of process.listeners(name)) {
        if (!before.get(name)?.includes(listener)) process.off(name, listener)
      }
    }
  })
  return hearSignals(NAMES)
}

it('tells a service of the signals that came before it stood, in their order', () => {
  const attend = hear()
  process.emit('SIGHUP', 'SIGHUP')
  process.emit('SIGTERM', 'SIGTERM')
  const told: string[] = []
  attend({ end: (why) => told.push(why), reload: () => told.push('reload') })
  expect(told).toEqual(['reload', 'SIGTERM'])
})

it('tells it of those that come later', () => {
  const attend = hear()
  const service = { end: vi.fn(), reload: vi.fn() }
  attend(service)
  expect(service.end).not.toHaveBeenCalled()
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGHUP', 'SIGHUP')
  expect(service.end.mock.calls).toEqual([['SIGINT']])
  expect(service.reload).toHaveBeenCalledTimes(1)
})

it('lets the second signal to end it have its way before its service stands', () => {
  hear()
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  onTestFinished(() => kill.mockRestore())
  process.emit('SIGHUP', 'SIGHUP')
  process.emit('SIGHUP', 'SIGHUP')
  process.emit('SIGINT', 'SIGINT')
  expect(kill).not.toHaveBeenCalled()
  process.emit('SIGTERM', 'SIGTERM')
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGTERM')
  expect(process.listenerCount('SIGTERM')).toBe(0)
})
