import { describe, expect, onTestFinished, test, vi } from 'vitest'

import {
  listenForPrograms,
  THIS_MACHINE,
  type Program,
  type Run,
  type Surroundings,
} from '../testing/launched-programs.ts'
import type { LaunchedWorker, Launcher, WorkerSpec } from '../workers/launcher.ts'

/**
 * What every launcher must guarantee. `create` makes one; where its workers are processes of this machine, they run the
 * JavaScript file at `entry`, and otherwise any Node.
 */
export function describeLauncher(
  title: string,
  create: (entry: string) => Promise<Launcher>,
  surroundings: Surroundings = THIS_MACHINE,
): void {
  const { withinMs } = surroundings
  const WAIT = { timeout: withinMs, interval: 20 }

  async function createFixture() {
    const programs = await listenForPrograms(surroundings)
    const { runOf } = programs
    const launcher = await create(programs.entry)
    onTestFinished(() => launcher.close(0))
    const listed = () => launcher.list(AbortSignal.timeout(withinMs))

    function specOf(program: Program): WorkerSpec {
      const spec = programs.specOf(program)
      onTestFinished(() => launcher.stop({ name: spec.name }, 0))
      return spec
    }

    /** Launches, where a namesake has still to go as often as that takes. */
    async function launchAnew(spec: WorkerSpec): Promise<void> {
      await vi.waitFor(async () => expect(await launcher.launch(spec)).toBe('launched'), WAIT)
    }

    async function start(program: Program): Promise<{ spec: WorkerSpec; run: Run }> {
      const spec = specOf(program)
      await launcher.launch(spec)
      return { spec, run: await runOf(spec) }
    }

    async function seen(spec: WorkerSpec, isAsWanted: (worker: LaunchedWorker) => boolean): Promise<LaunchedWorker> {
      return vi.waitFor(async () => {
        const worker = (await listed()).find(({ name }) => name === spec.name)
        if (worker === undefined || !isAsWanted(worker)) throw new Error(`${spec.name} is ${JSON.stringify(worker)}`)
        return worker
      }, WAIT)
    }
    const gone = (run: Run) => vi.waitFor(() => expect(run.isGone()).toBe(true), WAIT)
    const forgotten = () => vi.waitFor(async () => expect(await listed()).toEqual([]), WAIT)
    return { launcher, programs, listed, specOf, launchAnew, runOf, start, seen, gone, forgotten }
  }

  describe(`a launcher of ${title}`, { timeout: 3 * withinMs }, () => {
    test('shows a worker while it runs, and no second one of its name', async () => {
      const { launcher, programs, specOf, runOf, seen, listed } = await createFixture()
      const spec = specOf('stays')
      const outcomes = await Promise.all([launcher.launch(spec), launcher.launch(spec)])
      await runOf(spec)
      expect([...outcomes, await launcher.launch(spec)]).toEqual(['launched', 'launched', 'launched'])
      const { name, kind, assignmentId } = spec
      const { uid } = await seen(spec, ({ phase }) => phase === 'running')
      expect(uid).not.toBe('')
      const shown = { name, uid, kind, assignmentId, phase: 'running', restarts: 0, exit: null, trouble: null }
      expect(await listed()).toEqual([shown])
      expect(programs.runsOf(spec)).toHaveLength(1)
    })

    test('keeps a worker that has come to its end, with what it logged last, until it is stopped', async () => {
      const { launcher, specOf, seen, forgotten } = await createFixture()
      const spec = specOf('completes')
      await launcher.launch(spec)
      const { exit, uid } = await seen(spec, ({ phase }) => phase === 'exited')
      expect(exit).toMatchObject({ code: 0, reason: 'Completed', givenUp: false })
      expect(await launcher.lastLines({ name: spec.name, uid })).toContain('the last word')
      await launcher.stop({ name: spec.name, uid }, 1000)
      await forgotten()
      expect(await launcher.lastLines({ name: spec.name })).toEqual([])
    })

    test('tells how a run failed, with its last lines', async () => {
      const { launcher, specOf, seen } = await createFixture()
      const spec = specOf('fails')
      await launcher.launch(spec)
      const { exit } = await seen(spec, (worker) => worker.exit !== null)
      expect(exit).toMatchObject({ code: 3, reason: 'Error', givenUp: false })
      expect(exit?.lastLines).toHaveLength(20)
      expect(exit?.lastLines).toContain('line 30')
      expect(exit?.lastLines).toContain('the reason')
    })

    test('wakes the watcher when a worker ends, and no longer once it has left', async () => {
      const { launcher, start, seen } = await createFixture()
      const watching = new AbortController()
      const woken = vi.fn<() => void>()
      launcher.watch(woken, watching.signal)
      const { spec, run } = await start('stays')
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), WAIT)
      await seen(spec, ({ phase }) => phase === 'running')
      woken.mockClear()
      run.order('exit')
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), WAIT)
      await seen(spec, ({ phase }) => phase === 'exited')
      watching.abort()
      woken.mockClear()
      await start('stays')
      expect(woken).not.toHaveBeenCalled()
    })

    test('starts a worker again whose namesake has ended', async () => {
      const { start, launchAnew, runOf, seen, listed } = await createFixture()
      const { spec, run } = await start('stays')
      run.order('exit')
      const { uid } = await seen(spec, ({ phase }) => phase === 'exited')
      await launchAnew(spec)
      await runOf(spec, 1)
      const workers = await listed()
      expect(workers).toMatchObject([{ name: spec.name, exit: null }])
      expect(workers[0]?.uid).not.toBe(uid)
    })

    test('ends what an ended worker had started', async () => {
      const { start, gone } = await createFixture()
      const { run } = await start('stays')
      run.order('exit')
      await gone(run)
    })

    test('stops a worker and what it started, and forgets it; again, or one that never was, is success', async () => {
      const { launcher, start, gone, forgotten } = await createFixture()
      const { spec, run } = await start('stays')
      const { name } = spec
      await Promise.all([launcher.stop({ name }, 10_000), launcher.stop({ name }, 10_000)])
      await gone(run)
      await forgotten()
      expect(run.said).toContain('SIGTERM')
      await launcher.stop({ name }, 10_000)
      await launcher.stop({ name: 'stream-monitor-none' }, 10_000)
    })

    test('kills a worker that ignores SIGTERM once its grace is over', async () => {
      const { launcher, start, gone } = await createFixture()
      const { spec, run } = await start('stubborn')
      const before = performance.now()
      await launcher.stop({ name: spec.name }, 1000)
      await gone(run)
      expect(performance.now() - before).toBeGreaterThan(900)
      expect(run.said).toContain('SIGTERM')
    })

    test('kills a worker that hangs once its grace is over', async () => {
      const { launcher, start, gone } = await createFixture()
      const { spec, run } = await start('stays')
      run.order('hang')
      await vi.waitFor(() => expect(run.said).toContain('hanging'), WAIT)
      const before = performance.now()
      await launcher.stop({ name: spec.name }, 1000)
      await gone(run)
      expect(performance.now() - before).toBeGreaterThan(900)
    })

    test('stops nobody but the one that is meant', async () => {
      const { launcher, start, seen } = await createFixture()
      const { spec, run } = await start('stays')
      const isRunning = ({ phase }: LaunchedWorker) => phase === 'running'
      const { uid } = await seen(spec, isRunning)
      await launcher.stop({ name: spec.name, uid: '1f0c8a52-0000-4000-8000-000000000000' }, 1000)
      expect(await seen(spec, () => true)).toMatchObject({ phase: 'running', uid })
      expect(run.said).not.toContain('SIGTERM')
    })

    test('is busy while a namesake is on its way out, and launches anew once that is gone', async () => {
      const { launcher, start, seen, launchAnew, runOf, gone, listed } = await createFixture()
      const { spec, run } = await start('stubborn')
      const stopped = launcher.stop({ name: spec.name }, 2000)
      const { uid } = await seen(spec, ({ phase }) => phase === 'stopping')
      expect(await launcher.launch(spec)).toBe('busy')
      await stopped
      await launchAnew(spec)
      await gone(run)
      await runOf(spec, 1)
      const workers = await listed()
      expect(workers).toMatchObject([{ name: spec.name, exit: null }])
      expect(workers[0]?.uid).not.toBe(uid)
    })

    test('hands a worker its own environment as it stands, and nothing of the gateway that it has no need of', async () => {
      vi.stubEnv('DATABASE_URL', 'postgres://secret').stubEnv('API_KEY', 'secret')
      onTestFinished(() => void vi.unstubAllEnvs())
      const { launcher, specOf, runOf } = await createFixture()
      const spec = specOf('stays')
      const given = { ...spec.env, METADATA_JSON: '{"price":"$5 or $$5","name":"$(PROGRAM) \'é\\n\'"}' }
      await launcher.launch({ ...spec, env: given })
      const { env } = await runOf(spec)
      expect(env).toMatchObject(given)
      for (const name of ['DATABASE_URL', 'API_KEY', 'VITEST']) expect(env).not.toHaveProperty(name)
    })

    test('can launch, and takes no worker for gone that is its own or that it cannot see', async () => {
      const { launcher } = await createFixture()
      expect(await launcher.problem()).toBeNull()
      expect(launcher.mayStillRun(launcher.owner)).toBe(true)
      expect(launcher.mayStillRun('another-machine:1:1')).toBe(true)
    })

    test('when it is closed, ends the workers that must not outlive it, and leaves the others alone', async () => {
      const { launcher, start, listed } = await createFixture()
      const started = await Promise.all([start('stubborn'), start('stays')])
      await launcher.close(300)
      const left = launcher.outlivesGateway
        ? { phases: ['running', 'running'], gone: [false, false] }
        : { phases: [], gone: [true, true] }
      await vi.waitFor(async () => {
        const phases = (await listed()).map(({ phase }) => phase)
        expect({ phases, gone: started.map(({ run }) => run.isGone()) }).toEqual(left)
      }, WAIT)
    })
  })
}
