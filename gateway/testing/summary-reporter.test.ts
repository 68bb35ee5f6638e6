import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'

test('a run ends with a line that counts tests, files that do not load and hooks that fail', async () => {
  const summary = await runVitest({
    'passing.test.ts': `test('one', () => {}); test('two', () => {}); test.skip('three', () => {})`,
    'failing.test.ts': `test('four', () => { throw new Error('wrong') })`,
    'broken.test.ts': `import './nowhere.ts'`,
    'hook.test.ts': `describe('a group', () => { beforeAll(() => { throw new Error('wrong') }); test('five', () => {}) })`,
  })
  expect(summary).toEqual({ line: '2 passed, 3 failed', succeeded: false })
})

test('a run in which every test passes reports no failure', async () => {
  const summary = await runVitest({ 'passing.test.ts': `test('one', () => {})` })
  expect(summary).toEqual({ line: '1 passed, 0 failed', succeeded: true })
})

/** Runs vitest with the real reporters on these files; returns its last line of output. */
async function runVitest(files: Readonly<Record<string, string>>): Promise<{ line: string; succeeded: boolean }> {
  const root = await mkdtemp(join(tmpdir(), 'summary-reporter-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const config = `
    import { createSummaryReporter } from '${resolve('gateway/testing/summary-reporter.ts')}'
    export default {
      test: { globals: true, reporters: ['default', createSummaryReporter((line) => process.stdout.write(line))] },
    }`
  await Promise.all(
    Object.entries({ ...files, 'vitest.config.mts': config }).map(([name, text]) => writeFile(join(root, name), text)),
  )
  return new Promise((done) => {
    const args = [resolve('node_modules/vitest/vitest.mjs'), 'run', '--root', root]
    execFile(process.execPath, args, { timeout: PATIENCE_MS }, (error, stdout) => {
      done({ line: stdout.trimEnd().split('\n').at(-1) ?? '', succeeded: error === null })
    })
  })
}
