/** Mutation testing (stryker-mutator.io): what the tests would not notice. `make mutation`; main.ts runs it. */
import { fileURLToPath } from 'node:url'

const OUTPUT = 'build/mutation'

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    'shared/**/*.ts',
    'enclave/kms/**/*.ts',
    '!**/*.d.ts',
    // AF_VSOCK is not opened here: `make test-vm` tests them, in guests.
    '!shared/vsock/kernel{,-server,-socket}.ts',
    // A thread of its own, which no change reaches from outside.
    '!shared/attestation/verify-many-worker.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.ts' },
  coverageAnalysis: 'perTest',
  plugins: [
    '@stryker-mutator/vitest-runner',
    fileURLToPath(new URL('words-for-people.mjs', import.meta.url)),
    fileURLToPath(new URL('as-they-come.mjs', import.meta.url)),
  ],
  ignorers: ['words-for-people'],
  concurrency: 2,
  // The program looks for what changed since the last run, and keeps the rest of its results.
  incremental: true,
  incrementalFile: `${OUTPUT}/incremental.json`,
  tempDirName: `${OUTPUT}/sandbox`,
  // Little: tests read docs, and what other rooms have.
  ignorePatterns: ['build', 'dist'],
  disableTypeChecks: false,
  reporters: ['as-they-come', 'clear-text', 'progress-append-only', 'html', 'json'],
  htmlReporter: { fileName: `${OUTPUT}/mutation.html` },
  jsonReporter: { fileName: `${OUTPUT}/mutation.json` },
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false, skipFull: false },
  thresholds: { high: 95, low: 90, break: 90 },
  // On top of what the first run of all tests took for itself, half a minute.
  timeoutMS: 5_000,
  dryRunTimeoutMinutes: 15,
}
