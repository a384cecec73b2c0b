/** Runs tests and prints one line for each: what a console shows is all that a guest can tell. */
import { isMainThread } from 'node:worker_threads'
import { type Suite, startTests, type Task, type Test, type VitestRunner } from '@vitest/runner'
import './vitest.js'

/** Milliseconds for one test: emulated processors are slow. */
const TIMEOUT = 120_000

interface Failed {
  readonly message: string
  readonly stack?: string | undefined
  readonly diff?: string | undefined
  readonly cause?: Failed | undefined
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)

function explain({ message, stack, diff, cause }: Failed): string[] {
  const lines = [stack?.includes(message) ? stack : `${message}\n${stack ?? ''}`, diff ?? '']
  const because = cause === undefined ? [] : ['caused by:', ...explain(cause)]
  return [...lines.flatMap((text) => text.split('\n')).filter((line) => line !== ''), ...because]
}

function fullName(task: Task): string {
  const { suite } = task
  return suite === undefined ? task.name : `${fullName(suite)} > ${task.name}`
}

class Report {
  passed = 0
  failed = 0

  test(test: Test): void {
    const { state = 'skip', errors = [], duration = 0 } = test.result ?? {}
    if (state === 'pass') {
      this.passed++
      print(`ok ${fullName(test)} (${Math.round(duration)} ms)`)
      return
    }
    // There is no reason to leave a test out in a guest: what was skipped was not shown.
    this.fail(fullName(test), errors.length === 0 ? [{ message: `not run: ${state}` }] : errors)
  }

  /** Hooks of a suite fail apart from its tests. */
  suite(suite: Suite): void {
    if (suite.result?.errors?.length) this.fail(fullName(suite), suite.result.errors)
  }

  fail(name: string, errors: readonly Failed[]): void {
    this.failed++
    print(`FAIL ${name}`)
    for (const error of errors) for (const line of explain(error)) print(`    ${line}`)
  }
}

/** Every test below, also those that a failed hook kept from running. */
function testsOf(task: Task): Test[] {
  return task.type === 'test' ? [task] : task.tasks.flatMap(testsOf)
}

/**
 * Runs the tests that `define` describes one after another, then ends the process: code 0 when there were some
 * and all passed. Does nothing in a thread of its own, where the same file runs as a test's worker.
 */
export async function run(name: string, define: () => void | Promise<void>): Promise<void> {
  if (!isMainThread) return
  const report = new Report()
  const seen = new Set<Task>()
  const runner: VitestRunner = {
    config: {
      root: '/',
      name: undefined,
      setupFiles: [],
      passWithNoTests: false,
      testNamePattern: process.env.NITRO_VM_TEST ? new RegExp(process.env.NITRO_VM_TEST) : undefined,
      allowOnly: true,
      sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout: TIMEOUT,
      hookTimeout: TIMEOUT,
      retry: 0,
      includeTaskLocation: false,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    },
    importFile: define,
    onAfterRunTask: (test) => {
      seen.add(test)
      report.test(test)
    },
    onAfterRunSuite: (suite) => {
      seen.add(suite)
      report.suite(suite)
    },
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: Failed) => report.fail(`${name}: ${event}`, [error]))
  }
  const files = await startTests([`/${name}`], runner)
  for (const file of files) if (!seen.has(file)) report.suite(file)
  for (const test of files.flatMap(testsOf)) if (!seen.has(test)) report.test(test)
  print(`${report.passed} passed, ${report.failed} failed`)
  process.exit(report.failed === 0 && report.passed > 0 ? 0 : 1)
}
