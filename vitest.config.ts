import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // What is below dist/ is the build that is tested, not tests.
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    // Most tests wait for processes, which two at a time of a small machine's processors do: by default one would be idle.
    maxWorkers: '100%',
  },
})
