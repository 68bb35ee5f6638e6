import { expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { runWithSource } from './run-with-source.ts'

/** Runs a shell script that reads another one's file descriptor 3 from its stdin. */
function runScripts(main: string, source: string, signal = new AbortController().signal) {
  return runWithSource('sh', ['-c', main], { sourceArgs: ['-c', source], timeoutMs: PATIENCE_MS, signal })
}

test('a program reads what its source writes', async () => {
  const text = await runScripts('cat', 'head -c 300000 /dev/zero | tr "\\0" x >&3')
  expect(text).toMatchObject({ kind: 'exited', code: 0, stdout: 'x'.repeat(300_000) })
})

test('a source that fails is the cause of the failure, and ends what would go on without it', async () => {
  const result = await runScripts('cat; exec sleep 600', 'echo cause >&2; exit 7')
  expect(result).toMatchObject({ kind: 'exited', code: 7, stderr: 'cause\n' })
  expect(await runScripts('exec sleep 600', 'kill -9 $$')).toMatchObject({ kind: 'killed', signal: 'SIGKILL' })
})

test('a source that fails is not ignored, although the program has succeeded with what it got', async () => {
  expect(await runScripts('cat', 'echo half >&3; exit 3')).toMatchObject({ kind: 'exited', code: 3 })
  expect(await runScripts('cat', 'echo half >&3; kill -9 $$')).toMatchObject({ kind: 'killed', signal: 'SIGKILL' })
})

test('a source ends with the program that needs no more of it', async () => {
  const result = await runScripts('head -c 4', 'trap "" PIPE; while :; do echo more >&3; done')
  expect(result).toMatchObject({ kind: 'exited', code: 0, stdout: 'more' })
  const failed = await runScripts('echo broken >&2; exit 5', 'sleep 600')
  expect(failed).toMatchObject({ kind: 'exited', code: 5, stderr: 'broken\n' })
})

test('an abort ends both', async () => {
  const abort = new AbortController()
  const running = runScripts('cat', 'sleep 600', abort.signal)
  abort.abort()
  expect(await running).toEqual({ kind: 'aborted' })
})
