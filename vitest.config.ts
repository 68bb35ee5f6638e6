import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

import { closingLine } from './gateway/testing/closing-line.ts'

export default defineConfig({
  test: {
    include: ['{gateway,worker,shared}/**/*.test.ts'],
    globalSetup: ['gateway/testing/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    /** Many tests wait for a broadcast or a process: even on one core two files get on better than one. */
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', closingLine((line) => process.stdout.write(line))],
    passWithNoTests: false,
    retry: 0,
  },
})
