import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * Creates a reporter that ends the output with `N passed, N failed`, which any build server can parse. A file that cannot
 * be loaded and an error outside of a test count as failures. The exit code is vitest's own. A test that passed at a
 * second attempt only is named before, with what failed at the first.
 */
export function createSummaryReporter(write: (line: string) => void): Reporter {
  return {
    onTestRunEnd(modules, errors) {
      const tests = modules.flatMap((module) => [...module.children.allTests()])
      const states = tests.map((test) => test.result().state)
      const passed = states.filter((state) => state === 'passed').length
      const failed =
        states.filter((state) => state === 'failed').length + errors.length + countErrorsOutsideTests(modules)
      for (const test of tests) if (test.diagnostic()?.flaky === true) write(describeFlaky(test))
      write(`${passed} passed, ${failed} failed\n`)
    },
  }
}

/** Counts failures outside of tests: imports of a file, hooks of a suite. */
function countErrorsOutsideTests(modules: readonly TestModule[]): number {
  const groups = modules.flatMap((module) => [module, ...module.children.allSuites()])
  return groups.reduce((count, group) => count + group.errors().length, 0)
}

function describeFlaky(test: TestCase): string {
  const errors = test.result().errors ?? []
  return `flaky: ${test.module.relativeModuleId} > ${test.fullName}: ${errors.map(({ message }) => message).join('; ')}\n`
}
