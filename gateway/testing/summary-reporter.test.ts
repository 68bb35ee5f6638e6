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
  expect(summary).toEqual({ lines: ['2 passed, 3 failed'], succeeded: false })
})

test('a run in which every test passes reports no failure', async () => {
  const summary = await runVitest({ 'passing.test.ts': `test('one', () => {})` })
  expect(summary).toEqual({ lines: ['1 passed, 0 failed'], succeeded: true })
})

test('a test that passes at its second attempt is named with what failed at the first', async () => {
  const summary = await runVitest({
    'flaky.test.ts': `let runs = 0; test('one', { retry: 1 }, () => { if (++runs < 2) throw new Error('too early') })`,
  })
  expect(summary).toEqual({ lines: ['flaky: flaky.test.ts > one: too early', '1 passed, 0 failed'], succeeded: true })
})

/** Runs vitest with the real reporters on these files; returns the lines of the summary. */
async function runVitest(files: Readonly<Record<string, string>>): Promise<{ lines: string[]; succeeded: boolean }> {
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
      const lines = stdout.split('\n').filter((line) => /^flaky: |^\d+ passed/.test(line))
      done({ lines, succeeded: error === null })
    })
  })
}
