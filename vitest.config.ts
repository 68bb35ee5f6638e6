import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

import { createSummaryReporter } from './gateway/testing/summary-reporter.ts'
import { PATIENCE_MS, WAIT } from './shared/testing/until.ts'

/** Many tests wait for a broadcast or a process: even on one core two files get on better than one. */
const workers = Math.max(2, availableParallelism())

export default defineConfig({
  test: {
    globalSetup: ['gateway/testing/global-setup.ts'],
    // Only to end what hangs: a test waits for what must come as long as a slow and busy machine needs for it.
    testTimeout: 4 * PATIENCE_MS,
    hookTimeout: 4 * PATIENCE_MS,
    expect: { poll: WAIT },
    // Each file has its own world to clean up, but modules are read once by all: the gateway's take five seconds of CPU.
    pool: 'forks',
    reporters: ['default', createSummaryReporter((line) => process.stdout.write(line))],
    passWithNoTests: false,
    // A build server runs a failed test once more. The summary names a test that passes then: it has a defect, but it
    // stops no release.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: [
      {
        extends: true,
        test: {
          name: 'across processes',
          include: ['{gateway,worker,shared,k8s}/**/*.e2e.test.ts'],
          maxWorkers: workers + 1,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the others, which keep time with broadcasts, and more at a time, for these wait more than they work.
        extends: true,
        test: {
          name: 'beside the code',
          include: ['{gateway,worker,shared,k8s}/**/*.test.ts'],
          exclude: ['**/*.e2e.test.ts'],
          maxWorkers: 2 * workers,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
