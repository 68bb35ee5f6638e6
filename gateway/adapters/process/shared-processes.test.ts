import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'
import type { LaunchedWorker } from '../../ports/launcher.ts'
import { createLocalProcessLauncher } from './launcher.ts'

/**
 * A process for one worker, or for several. Each worker says its pid; `ends` ends by itself, and one whose name begins with
 * `stubborn` only with the process.
 */
const PROGRAM = `
if (process.env.SHARED_PROCESS !== '1') {
  console.log('pid ' + process.pid)
  process.stdin.on('end', () => process.exit(3)).resume()
}
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit(3))
process.on('message', ({ kind, name, env }) => {
  if (kind === 'start') process.send({ kind: 'line', name, line: 'pid ' + process.pid })
  const code = kind === 'start' ? 7 : 0
  const ends = kind === 'start' ? env.PROGRAM === 'ends' : !name.startsWith('stubborn')
  if (ends) process.send({ kind: 'ended', name, code })
})
`

/** Starts a launcher for workers of which two may share a process. */
async function startLauncher() {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-shared-'))
  const entry = join(folder, 'worker.mjs')
  await writeFile(entry, PROGRAM)
  const launcher = createLocalProcessLauncher({ entry, writeLine: () => undefined })
  onTestFinished(async () => {
    await launcher.close(0)
    await rm(folder, { recursive: true, force: true })
  })

  async function find(name: string): Promise<LaunchedWorker | undefined> {
    return (await launcher.list(AbortSignal.timeout(PATIENCE_MS))).find((worker) => worker.name === name)
  }

  /** Launches a worker and returns the pid of its process. */
  async function launch(name: string, program = 'stays'): Promise<number> {
    const spec = { name, kind: 'monitor', assignmentId: name, perProcess: 2, env: { PROGRAM: program } }
    expect(await launcher.launch(spec)).toBe('launched')
    return vi.waitFor(async () => {
      const [pid] = (await launcher.lastLines({ name })).join(' ').match(/(?<=pid )\d+/) ?? []
      if (pid === undefined) throw new Error('the worker has not begun')
      return Number(pid)
    }, WAIT)
  }

  async function waitForExit(name: string) {
    return vi.waitFor(async () => {
      const exit = (await find(name))?.exit ?? null
      if (exit === null) throw new Error('the worker has not ended')
      return exit
    }, WAIT)
  }
  return { launcher, find, launch, waitForExit }
}

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0)
  } catch {
    return true
  }
}

test('workers share a process as far as it has room, and each has an identity of its own', async () => {
  const { launch, find } = await startLauncher()
  const first = await launch('a')
  expect(await launch('b')).toBe(first)
  expect(await launch('c')).not.toBe(first)
  const workers = await Promise.all(['a', 'b', 'c'].map(find))
  expect(workers.map((worker) => worker?.phase)).toEqual(['running', 'running', 'running'])
  expect(new Set(workers.map((worker) => worker?.uid)).size).toBe(3)
})

test('a worker that ends leaves the others, and the process ends with the last one', async () => {
  const { launcher, launch, find, waitForExit } = await startLauncher()
  const pid = await launch('a')
  await launch('b', 'ends')
  expect(await waitForExit('b')).toEqual({ code: 7, reason: 'Error', lastLines: [`pid ${pid}`], givenUp: false })
  expect((await find('a'))?.phase).toBe('running')
  await launcher.stop({ name: 'a' }, PATIENCE_MS)
  await vi.waitFor(() => expect(isGone(pid)).toBe(true), WAIT)
})

test('the crash of a process is the fault of none of its workers until one has a process of its own', async () => {
  const { launcher, launch, waitForExit } = await startLauncher()
  const names = ['a', 'b']
  const [shared = 0] = await Promise.all(names.map((name) => launch(name)))
  process.kill(shared, 'SIGKILL')
  const exits = await Promise.all(names.map(waitForExit))
  for (const exit of exits) expect(exit).toMatchObject({ code: -1, reason: 'SIGKILL', wasShared: true })
  for (const name of names) await launcher.stop({ name }, 0)

  const pids = await Promise.all(names.map((name) => launch(name)))
  expect(new Set(pids).size).toBe(2)
})

test('a worker that does not stop in time is ended with its process', async () => {
  const { launcher, launch, waitForExit } = await startLauncher()
  const pid = await launch('stubborn')
  await launch('b')
  await launcher.stop({ name: 'stubborn' }, 0)
  expect(isGone(pid)).toBe(true)
  expect(await waitForExit('b')).toMatchObject({ code: -1, reason: 'SIGKILL' })
})
