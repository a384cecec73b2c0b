/**
 * Stands in for the module vitest where one bundled file is all there is: its own runner, matchers and spies,
 * without the processes and the server around them. Whatever a test imports and does not find here, fails to bundle.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  addCustomEqualityTesters,
  chai,
  customMatchers,
  type ExpectStatic,
  GLOBAL_EXPECT,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  type MatcherState,
  type RawMatcherFn,
  setState,
} from '@vitest/expect'
import { getCurrentTest } from '@vitest/runner'
import { clearAllMocks, fn, isMockFunction, resetAllMocks, restoreAllMocks, spyOn } from '@vitest/spy'

export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
  onTestFailed,
  onTestFinished,
  suite,
  test,
} from '@vitest/runner'

export const vi = { fn, spyOn, isMockFunction, clearAllMocks, resetAllMocks, restoreAllMocks }

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)

/** Chai's assertions learn of the running test: rejects and resolves hand their promises to it. */
interface TestedAssertion {
  withTest(test: unknown): TestedAssertion
}

/** Given to it by a plugin. */
const extensible = chai.expect as unknown as { extend(on: ExpectStatic, matchers: RawMatchers): void }

function makeExpect(): ExpectStatic {
  const bare = (value: unknown, message?: string) => {
    const assertion = chai.expect(value, message)
    const test = getCurrentTest()
    return test === undefined ? assertion : (assertion as unknown as TestedAssertion).withTest(test)
  }
  const asymmetric = Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT) as object
  const made = Object.assign(bare, chai.expect, asymmetric) as unknown as ExpectStatic
  setState({ assertionCalls: 0, isExpectingAssertions: false } as Partial<MatcherState>, made)
  return Object.assign(made, {
    getState: () => getState(made),
    setState: (state: Partial<MatcherState>) => setState(state, made),
    extend: (matchers: RawMatchers) => extensible.extend(made, matchers),
    addEqualityTesters: addCustomEqualityTesters,
    unreachable: (message = 'not to be reached') => chai.assert.fail(message),
  })
}

type RawMatchers = Record<string, RawMatcherFn<MatcherState>>

export const expect = makeExpect()
// The matchers that vitest adds to Jest's are asymmetric, too.
expect.extend(customMatchers as unknown as RawMatchers)
Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect, writable: true, configurable: true })
