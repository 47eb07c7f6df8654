import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // What is below dist/ is the build that is tested, not tests.
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
  },
})
