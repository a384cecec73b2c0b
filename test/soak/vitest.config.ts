import { defineConfig } from 'vitest/config'

/** A run by itself: it lasts as long as it is told to, and its memory is measured. */
export default defineConfig({
  test: {
    include: ['test/soak/*.soak.ts'],
    setupFiles: ['test/support/no-vsock.ts'],
    testTimeout: 0,
    reporters: ['default'],
  },
})
