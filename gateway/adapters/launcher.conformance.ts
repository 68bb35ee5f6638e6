import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

import type { LaunchedWorker, Launcher, WorkerSpec } from '../workers/launcher.ts'
import { processStartTime } from './process-identity.ts'

/**
 * A worker that does as `PROGRAM` says. It writes its pid and a child's into `REPORT`, with its environment, once it is
 * ready to be ended.
 */
const WORKER = `
import { spawn } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
const { PROGRAM, REPORT } = process.env
if (PROGRAM === 'fails') {
  for (let line = 1; line <= 30; line++) console.log('line ' + line)
  console.error('the reason')
  process.exitCode = 3
} else if (PROGRAM !== 'completes') {
  if (PROGRAM === 'stubborn') process.on('SIGTERM', () => {})
  if (PROGRAM === 'polite') process.on('SIGTERM', () => process.exit(0))
  const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'])
  writeFileSync(REPORT + '.new', JSON.stringify({ pid: process.pid, child: child.pid, env: process.env }))
  renameSync(REPORT + '.new', REPORT)
  setInterval(() => {}, 1000)
}
`
type Program = 'completes' | 'fails' | 'stays' | 'polite' | 'stubborn'
const Report = v.object({ pid: v.number(), child: v.number(), env: v.record(v.string(), v.string()) })
type Report = v.InferOutput<typeof Report>

const WAIT = { timeout: 10_000, interval: 20 }

/** What every launcher must guarantee; `create` makes one whose workers run the program at `entry` on this machine. */
export function describeLauncher(title: string, create: (entry: string) => Promise<Launcher>): void {
  async function createFixture() {
    const folder = await mkdtemp(join(tmpdir(), 'tallylight-launcher-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const entry = join(folder, 'worker.mjs')
    await writeFile(entry, WORKER)
    const launcher = await create(entry)
    onTestFinished(() => launcher.close(0))

    function specOf(program: Program): WorkerSpec {
      const id = randomUUID()
      const env = { PROGRAM: program, REPORT: join(folder, id) }
      return { name: `stream-monitor-${id}`, kind: 'monitor', assignmentId: id, env }
    }
    async function launch(program: Program): Promise<{ spec: WorkerSpec; report: Report }> {
      const spec = specOf(program)
      await launcher.launch(spec)
      return { spec, report: await readReport(spec) }
    }
    return { launcher, specOf, launch }
  }

  describe(`a launcher of ${title}`, () => {
    test('shows a worker while it runs, and no second one of its name', async () => {
      const { launcher, specOf } = await createFixture()
      const spec = specOf('stays')
      await Promise.all([launcher.launch(spec), launcher.launch(spec)])
      const { pid } = await readReport(spec)
      await launcher.launch(spec)
      const { kind, assignmentId } = spec
      const shown = { name: spec.name, kind, assignmentId, phase: 'running', exit: null }
      await vi.waitFor(async () => expect(await launcher.list()).toEqual([shown]), WAIT)
      expect((await readReport(spec)).pid).toBe(pid)
    })

    test('keeps how a worker ended, with its last lines, until it is stopped', async () => {
      const { launcher, specOf } = await createFixture()
      const [failing, completing] = [specOf('fails'), specOf('completes')]
      await Promise.all([launcher.launch(failing), launcher.launch(completing)])
      const exit = (await waitForExit(launcher, failing)).exit
      expect(exit).toMatchObject({ code: 3, reason: 'Error' })
      expect(exit?.lastLines).toHaveLength(20)
      expect(exit?.lastLines).toContain('line 30')
      expect(exit?.lastLines).toContain('the reason')
      expect((await waitForExit(launcher, completing)).exit).toMatchObject({ code: 0, reason: 'Completed' })

      await launcher.stop(failing.name, 1000)
      expect((await launcher.list()).map((worker) => worker.name)).toEqual([completing.name])
    })

    test('wakes the watcher when a worker ends, and no longer once it has left', async () => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('stays')
      const watching = new AbortController()
      const woken = vi.fn<() => void>()
      launcher.watch(woken, watching.signal)
      process.kill(report.pid, 'SIGKILL')
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), WAIT)
      expect((await waitForExit(launcher, spec)).exit?.code).toBe(-1)
      watching.abort()
      woken.mockClear()
      await launch('stays')
      expect(woken).not.toHaveBeenCalled()
    })

    test('starts a worker again whose namesake has ended', async () => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('stays')
      process.kill(report.pid, 'SIGKILL')
      await waitForExit(launcher, spec)
      await launcher.launch(spec)
      await vi.waitFor(async () => expect((await readReport(spec)).pid).not.toBe(report.pid), WAIT)
      expect(await launcher.list()).toHaveLength(1)
    })

    test('ends what a killed worker had started', async () => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('stays')
      process.kill(report.pid, 'SIGKILL')
      expect((await waitForExit(launcher, spec)).exit?.reason).toBe('SIGKILL')
      expectGone(report.child)
    })

    test('stops a worker and what it started, and forgets it; again, or one that never was, is success', async () => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('polite')
      await Promise.all([launcher.stop(spec.name, 10_000), launcher.stop(spec.name, 10_000)])
      await launcher.stop(spec.name, 10_000)
      await launcher.stop('stream-monitor-none', 10_000)
      expectGone(report.pid, report.child)
      expect(await launcher.list()).toEqual([])
    })

    test.each(['ignores SIGTERM', 'is frozen'])('kills a worker that %s once its grace is over', async (how) => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('stubborn')
      if (how === 'is frozen') process.kill(report.pid, 'SIGSTOP')
      const before = performance.now()
      await launcher.stop(spec.name, 300)
      expect(performance.now() - before).toBeGreaterThan(290)
      expectGone(report.pid, report.child)
    })

    test('launches anew what is being stopped once that is gone', async () => {
      const { launcher, launch } = await createFixture()
      const { spec, report } = await launch('stubborn')
      const stopping = launcher.stop(spec.name, 200)
      await launcher.launch(spec)
      await stopping
      expectGone(report.pid)
      await vi.waitFor(async () => expect((await readReport(spec)).pid).not.toBe(report.pid), WAIT)
      expect(await launcher.list()).toMatchObject([{ name: spec.name, exit: null }])
    })

    test('hands a worker its own environment and nothing of the gateway that it has no need of', async () => {
      vi.stubEnv('DATABASE_URL', 'postgres://secret')
        .stubEnv('API_KEY', 'secret')
        .stubEnv('NODE_OPTIONS', '--no-warnings')
      onTestFinished(() => void vi.unstubAllEnvs())
      const { launch } = await createFixture()
      const { env } = (await launch('stays')).report
      expect(env).toMatchObject({ PROGRAM: 'stays' })
      for (const name of ['DATABASE_URL', 'API_KEY', 'NODE_OPTIONS', 'VITEST']) expect(env).not.toHaveProperty(name)
    })

    test('does not take the workers of a launcher that lives, or that it cannot see, for gone', async () => {
      const { launcher } = await createFixture()
      expect(launcher.mayStillRun(launcher.owner)).toBe(true)
      expect(launcher.mayStillRun('another-machine:1:1')).toBe(true)
    })

    test('leaves nothing behind when it is closed', async () => {
      const { launcher, launch } = await createFixture()
      const reports = (await Promise.all([launch('stubborn'), launch('polite')])).map(({ report }) => report)
      await launcher.close(300)
      expectGone(...reports.flatMap(({ pid, child }) => [pid, child]))
      expect(await launcher.list()).toEqual([])
    })
  })
}

/** What a worker said of itself, as soon as it has. */
async function readReport({ env }: WorkerSpec): Promise<Report> {
  return vi.waitFor(async () => v.parse(Report, JSON.parse(await readFile(env['REPORT'] ?? '', 'utf8'))), WAIT)
}

async function waitForExit(launcher: Launcher, { name }: WorkerSpec): Promise<LaunchedWorker> {
  return vi.waitFor(async () => {
    const worker = (await launcher.list()).find((candidate) => candidate.name === name)
    if (worker?.exit === null || worker === undefined) throw new Error(`${name} has not ended`)
    return worker
  }, WAIT)
}

function expectGone(...pids: readonly number[]): void {
  expect(pids.filter((pid) => processStartTime(pid) !== null)).toEqual([])
}
