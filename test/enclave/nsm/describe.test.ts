import { describe, expect, it } from 'vitest'
import { describeNsm } from '../../../enclave/nsm/describe.js'
import { lockPcr } from '../../../enclave/nsm/registers.js'
import { refusal } from '../../support/errors.js'
import { simulated } from '../../support/simulated.js'
import { scriptedModule } from './scripted-module.js'

const DESCRIPTION = {
  type: 'DescribeNSM',
  versionMajor: 1,
  versionMinor: 0,
  versionPatch: 0,
  moduleId: 'i-1234-enc5678',
  maxPcrs: 32,
  lockedPcrs: [0, 1, 2],
  digest: 'SHA384',
}

describe("a module's description", () => {
  it('says who it is and what is locked', async () => {
    const { nsm, identity } = await simulated()
    await lockPcr(nsm, 20)
    expect(await describeNsm(nsm)).toEqual({
      moduleId: identity.moduleId,
      versionMajor: 1,
      versionMinor: 0,
      versionPatch: 0,
      maxPcrs: 32,
      lockedPcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20],
      digest: 'SHA384',
    })
  })

  it('has the locked registers in order, in whichever the module names them', async () => {
    const nsm = scriptedModule(() => ({ ...DESCRIPTION, lockedPcrs: [10, 2, 0] }))
    expect((await describeNsm(nsm)).lockedPcrs).toEqual([0, 2, 10])
  })

  it.each([
    ['names nobody', { moduleId: '' }],
    ['locks a register that it does not have', { lockedPcrs: [0, 32] }],
    ['locks a register twice', { lockedPcrs: [1, 1] }],
  ])('that %s is refused', async (_, wrong) => {
    const nsm = scriptedModule(() => ({ ...DESCRIPTION, ...wrong }))
    expect(await refusal(() => describeNsm(nsm))).toMatchObject({
      name: 'NsmError',
      code: 'ERR_NSM_INVALID_RESPONSE',
    })
  })

  it('needs a module', async () => {
    expect(await refusal(() => describeNsm({} as never))).toMatchObject({ code: 'ERR_USAGE' })
  })
})
