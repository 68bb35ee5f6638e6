import type { Reporter, TestModule } from 'vitest/node'

/**
 * A reporter whose last word is `N passed, N failed`, plain enough for any build server. A file that cannot be loaded
 * and an error outside of any test count as failures; the exit code stays vitest's own.
 */
export function closingLine(write: (line: string) => void): Reporter {
  return {
    onTestRunEnd(modules, errors) {
      const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
      const passed = states.filter((state) => state === 'passed').length
      const failed = states.filter((state) => state === 'failed').length + errors.length + broken(modules)
      write(`${passed} passed, ${failed} failed\n`)
    },
  }
}

/** What failed beside the tests themselves: a file's import, a hook around many tests. */
function broken(modules: readonly TestModule[]): number {
  const groups = modules.flatMap((module) => [module, ...module.children.allSuites()])
  return groups.reduce((count, group) => count + group.errors().length, 0)
}
