import fs, { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDevice } from '../../../enclave/nsm/device.js'
import { type NsmExchange, nsmOver } from '../../../enclave/nsm/exchange.js'
import type { Native, Result } from '../../../native/index.js'
import { encodeCbor } from '../../../shared/cbor-writing.js'
import { NsmError } from '../../../shared/errors.js'
import { refusal } from '../../support/errors.js'
import { nsmConformance } from '../../support/nsm-conformance.js'
import { simulated } from '../../support/simulated.js'
import { answeredBy, descriptorsOf, type FakeAnswers, fakeNative, isOpen } from './device-support.js'
import { variant } from './support.js'

/** A character device that every machine has; no ioctl reaches it. */
const PATH = '/dev/null'
const REQUEST = encodeCbor('GetRandom')

function open(answers: FakeAnswers): {
  device: NsmExchange
  requests: { fd: number; request: Uint8Array }[]
} {
  const { native, requests } = fakeNative(answers)
  const device = openDevice({ path: PATH, loadNative: () => native })
  onTestFinished(() => device.close())
  return { device, requests }
}

/** A driver that answers when it is told to. */
function patient() {
  const waiting: ((answer: Result | Uint8Array) => void)[] = []
  const opened = open({
    nsmRequest: (_, done) => {
      waiting.push(done)
      return 0
    },
  })
  return { ...opened, waiting }
}

describe('the device conforms', () => {
  nsmConformance(async () => {
    const { device } = await simulated()
    const { native } = fakeNative({ nsmRequest: answeredBy(device) })
    return nsmOver(openDevice({ path: PATH, loadNative: () => native }))
  })
})

describe('a request', () => {
  it('goes to the driver as it is, and its answer comes back as it is', async () => {
    const { device, requests } = open({
      nsmRequest: (_, done) => {
        setImmediate(done, Uint8Array.of(1, 2, 3))
        return 0
      },
    })
    expect(await device.exchange(REQUEST)).toEqual(Uint8Array.of(1, 2, 3))
    expect(requests).toMatchObject([{ request: REQUEST }])
  })

  it('waits for the one before it: the driver serves one at a time', async () => {
    const { device, requests, waiting } = patient()
    const answers = [1, 2, 3].map((byte) => device.exchange(Uint8Array.of(byte)))
    for (const byte of [1, 2, 3]) {
      await turn()
      expect(requests.map(({ request }) => request[0])).toEqual([1, 2, 3].slice(0, byte))
      waiting.shift()?.(Uint8Array.of(10 * byte))
    }
    expect(await Promise.all(answers)).toEqual([10, 20, 30].map((byte) => Uint8Array.of(byte)))
  })

  it('is served after one that failed', async () => {
    const { device, waiting } = patient()
    const [failing, serving] = [device.exchange(REQUEST), device.exchange(REQUEST)]
    await turn()
    waiting.shift()?.(-constants.errno.EIO)
    await expect(failing).rejects.toThrow('EIO')
    await turn()
    waiting.shift()?.(Uint8Array.of(7))
    expect(await serving).toEqual(Uint8Array.of(7))
  })

  it('of 4,096 bytes is sent, of 4,097 not', async () => {
    const { device, requests } = open({
      nsmRequest: (_, done) => {
        setImmediate(done, new Uint8Array(1))
        return 0
      },
    })
    await device.exchange(new Uint8Array(0x1000))
    expect((await refusal(() => device.exchange(new Uint8Array(0x1001)))).code).toBe(
      'ERR_NSM_INPUT_TOO_LARGE',
    )
    expect(requests).toHaveLength(1)
  })

  it("is answered with the driver's 12,288 bytes at most", async () => {
    const { device } = open({
      nsmRequest: (_, done) => {
        setImmediate(done, variant('Attestation', [['document', new Uint8Array(0x3000)]]))
        return 0
      },
    })
    const error = await refusal(() => nsmOver(device).request({ type: 'Attestation' }))
    expect(error).toMatchObject({
      code: 'ERR_NSM_INVALID_RESPONSE',
      message: expect.stringMatching(/at most 12288/),
    })
  })
})

describe('an ioctl that fails', () => {
  const ways: [string, (errno: number) => NonNullable<FakeAnswers['nsmRequest']>][] = [
    ['before it began', (errno) => () => -errno],
    [
      'on its thread',
      (errno) => (_, done) => {
        setImmediate(done, -errno)
        return 0
      },
    ],
  ]

  describe.each(ways)('%s', (_, way) => {
    const failure = (errno: number) =>
      refusal(() => open({ nsmRequest: way(errno) }).device.exchange(REQUEST))

    it.each(['EIO', 'ETIMEDOUT', 'ENODATA', 'ENOTTY', 'EINVAL', 'ENOMEM', 'EFAULT', 'ENODEV'] as const)(
      '%s is the cause of ERR_NSM_DEVICE',
      async (code) => {
        const errno = constants.errno[code]
        const error = await failure(errno)
        expect(error).toBeInstanceOf(NsmError)
        expect(error).toMatchObject({ code: 'ERR_NSM_DEVICE', message: expect.stringContaining(code) })
        expect(error.cause).toMatchObject({ code, errno: -errno, syscall: 'ioctl' })
      },
    )

    it('EMSGSIZE is ERR_NSM_INPUT_TOO_LARGE', async () => {
      expect((await failure(constants.errno.EMSGSIZE)).code).toBe('ERR_NSM_INPUT_TOO_LARGE')
    })
  })

  it('throwing is passed on', async () => {
    const { device } = open({
      nsmRequest: () => {
        throw new TypeError('no bytes')
      },
    })
    await expect(device.exchange(REQUEST)).rejects.toThrow(TypeError)
  })
})

describe('closing', () => {
  it('an idle device gives its descriptor back', async () => {
    const { device, requests, waiting } = patient()
    const answer = device.exchange(REQUEST)
    await turn()
    waiting.shift()?.(REQUEST)
    await answer
    const fd = requests[0]?.fd ?? -1
    expect(isOpen(fd)).toBe(true)
    device.close()
    await turn()
    expect(isOpen(fd)).toBe(false)
  })

  it('lets the requests made before it end, and closes after the last', async () => {
    const { device, requests, waiting } = patient()
    const answers = [device.exchange(REQUEST), device.exchange(REQUEST)]
    device.close()
    await turn()
    const fd = requests[0]?.fd ?? -1
    expect(isOpen(fd)).toBe(true)
    waiting.shift()?.(Uint8Array.of(1))
    await turn()
    expect(requests.map((request) => request.fd)).toEqual([fd, fd])
    expect(isOpen(fd)).toBe(true)
    waiting.shift()?.(-constants.errno.EIO)
    expect(await Promise.allSettled(answers)).toMatchObject([
      { value: Uint8Array.of(1) },
      { status: 'rejected' },
    ])
    await turn()
    expect(isOpen(fd)).toBe(false)
  })

  it('refuses a later request at once, even while another is under way', async () => {
    const { device, requests, waiting } = patient()
    const answer = device.exchange(REQUEST)
    device.close()
    expect(await refusal(() => device.exchange(REQUEST))).toMatchObject({
      name: 'NsmError',
      code: 'ERR_NSM_CLOSED',
    })
    await turn()
    waiting.shift()?.(REQUEST)
    await answer
    expect(requests).toHaveLength(1)
  })

  it('twice closes once: the number may belong to another file by then', async () => {
    const { device, requests, waiting } = patient()
    const answer = device.exchange(REQUEST)
    await turn()
    waiting.shift()?.(REQUEST)
    await answer
    device.close()
    device.close()
    await turn()
    const fd = requests[0]?.fd ?? -1
    const taken = [openSync(PATH, 'r')]
    while (!taken.includes(fd)) taken.push(openSync(PATH, 'r'))
    onTestFinished(() => {
      for (const each of taken) closeSync(each)
    })
    device.close()
    await turn()
    expect(isOpen(fd)).toBe(true)
  })
})

describe('opening', () => {
  const native = {} as Native
  let loads = 0
  const loadNative = () => {
    loads++
    return native
  }
  const failing = async (path: string, load: () => Native = loadNative) => {
    const before = descriptorsOf(path)
    const error = await refusal(() => openDevice({ path, loadNative: load }))
    expect(error).toMatchObject({ name: 'NsmError', code: 'ERR_NSM_UNAVAILABLE' })
    expect(descriptorsOf(path)).toBe(before)
    return error
  }
  const directory = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'nsm-'))
    onTestFinished(() => rmSync(path, { recursive: true }))
    return path
  }

  it('where there is no module says so in one sentence', async () => {
    const error = await failing(join(directory(), 'nsm'))
    expect(error.message).toMatch(/no Nitro Secure Module at .*Nitro enclave.*nsm\.ko.*simulator/)
    expect(error.cause).toMatchObject({ code: 'ENOENT' })
  })

  it.each([
    ['ENXIO', /nsm\.ko/],
    ['ENODEV', /nsm\.ko/],
    ['EACCES', /permission to read and write/],
    ['EPERM', /permission to read and write/],
  ])('%s says what it means', async (code, words) => {
    const real = fs.openSync
    onTestFinished(() => {
      fs.openSync = real
      syncBuiltinESMExports()
    })
    // The superuser, as which tests may run, is refused nothing.
    fs.openSync = () => {
      throw Object.assign(new Error(`${code}: refused`), { code })
    }
    syncBuiltinESMExports()
    const error = await failing(PATH)
    expect(error.message).toMatch(words)
    expect(error.cause).toMatchObject({ code })
  })

  it('a directory is told by the system', async () => {
    const error = await failing(directory())
    expect(error).toMatchObject({ message: expect.stringMatching(/EISDIR/), cause: { code: 'EISDIR' } })
  })

  it('a file that is no device is refused, and not changed', async () => {
    const path = join(directory(), 'nsm')
    writeFileSync(path, 'text')
    loads = 0
    const error = await failing(path)
    expect(error.message).toBe(`${path} is not a character device`)
    expect(loads).toBe(0)
  })

  it("without the addon gives the addon's sentence, and the descriptor back", async () => {
    const missing = new Error('the native addon is missing: no binary')
    const error = await failing(PATH, () => {
      throw missing
    })
    expect(error).toMatchObject({ message: missing.message, cause: missing })
  })
})
