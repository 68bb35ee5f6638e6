import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

import { closingLine } from './gateway/testing/closing-line.ts'

/** Many tests wait for a broadcast or a process: even on one core two files get on better than one. */
const workers = Math.max(2, availableParallelism())

export default defineConfig({
  test: {
    globalSetup: ['gateway/testing/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    reporters: ['default', closingLine((line) => process.stdout.write(line))],
    passWithNoTests: false,
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'across processes',
          include: ['{gateway,worker,shared}/**/*.e2e.test.ts'],
          maxWorkers: workers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the others, which keep time with broadcasts, and more at a time, for these wait more than they work.
        extends: true,
        test: {
          name: 'beside the code',
          include: ['{gateway,worker,shared}/**/*.test.ts'],
          exclude: ['**/*.e2e.test.ts'],
          maxWorkers: workers + 1,
          // Each file has its own world to clean up, but modules are read once by all: that is a tenth of the time.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
