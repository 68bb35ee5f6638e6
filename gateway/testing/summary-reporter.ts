import type { Reporter, TestModule } from 'vitest/node'

/**
 * Creates a reporter that ends the output with `N passed, N failed`, which any build server can parse. A file that cannot
 * be loaded and an error outside of a test count as failures. The exit code is vitest's own.
 */
export function createSummaryReporter(write: (line: string) => void): Reporter {
  return {
    onTestRunEnd(modules, errors) {
      const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
      const passed = states.filter((state) => state === 'passed').length
      const failed =
        states.filter((state) => state === 'failed').length + errors.length + countErrorsOutsideTests(modules)
      write(`${passed} passed, ${failed} failed\n`)
    },
  }
}

/** Counts failures outside of tests: imports of a file, hooks of a suite. */
function countErrorsOutsideTests(modules: readonly TestModule[]): number {
  const groups = modules.flatMap((module) => [module, ...module.children.allSuites()])
  return groups.reduce((count, group) => count + group.errors().length, 0)
}
