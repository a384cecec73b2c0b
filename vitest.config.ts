import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/no-vsock.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Most of them wait for processes, sockets and clocks.
    maxWorkers: 2,
    // The SDK's version is pinned: its word on future ones would only stand in the way.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    reporters: ['default'],
  },
})
