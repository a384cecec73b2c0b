import { defineConfig } from 'vitest/config'
import { LoadErrors } from './load-errors.js'
import { MirroredFirst } from './mirrored-first.js'

/** The tests of what is mutated. None that needs processes of its own, a build, or files that not everybody has. */
export default defineConfig({
  test: {
    include: ['test/shared/**/*.test.ts', 'test/enclave/**/*.test.ts'],
    exclude: [
      // Processes.
      'test/enclave/{application,program}.test.ts',
      'test/enclave/kms/environment.test.ts',
      // Thousands of connections at once.
      'test/shared/vsock/*-conformance.test.ts',
      // Every byte of a document; the vectors are not there anyway.
      'test/shared/attestation/hardware*.test.ts',
    ],
    setupFiles: ['test/support/no-vsock.ts', 'test/mutation/kept-keys.ts'],
    // What hangs is noticed by its test, not after Stryker's own and longer limit.
    testTimeout: 10_000,
    hookTimeout: 10_000,
    sequence: { sequencer: MirroredFirst },
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', CI: '' },
    reporters: [new LoadErrors()],
  },
})
