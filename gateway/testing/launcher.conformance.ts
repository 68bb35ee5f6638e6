import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { PATIENCE_MS, WAIT } from '../../shared/testing/until.ts'
import {
  listenForPrograms,
  THIS_MACHINE,
  type ProgramName,
  type ProgramRun,
  type WorkerNetwork,
} from './workers/launched-programs.ts'
import type { LaunchedWorker, Launcher, WorkerSpec } from '../ports/launcher.ts'

/** A launcher in a test; `drain` evicts a worker from its node, where workers have nodes. */
export type TestedLauncher = Launcher & { readonly drain?: (worker: string) => Promise<void> }

/**
 * Describes the guarantees of every launcher. `create` makes one; workers that are processes of this machine run the
 * JavaScript file at `entry`, others any program that starts Node.
 */
export function describeLauncher(
  title: string,
  create: (entry: string) => Promise<TestedLauncher>,
  surroundings: WorkerNetwork = THIS_MACHINE,
): void {
  async function createFixture() {
    const programs = await listenForPrograms(surroundings)
    const { runOf } = programs
    const launcher = await create(programs.entry)
    onTestFinished(() => launcher.close(0))
    const list = () => launcher.list(AbortSignal.timeout(PATIENCE_MS))

    function specOf(program: ProgramName): WorkerSpec {
      const spec = programs.specOf(program)
      onTestFinished(() => launcher.stop({ name: spec.name }, 0))
      return spec
    }

    /** Launches a worker, and tries again while an earlier one of its name terminates. */
    async function relaunch(spec: WorkerSpec): Promise<void> {
      await vi.waitFor(async () => expect(await launcher.launch(spec)).toBe('launched'), WAIT)
    }

    async function start(program: ProgramName): Promise<{ spec: WorkerSpec; run: ProgramRun }> {
      const spec = specOf(program)
      await launcher.launch(spec)
      return { spec, run: await runOf(spec) }
    }

    async function waitForWorker(
      spec: WorkerSpec,
      isExpected: (worker: LaunchedWorker) => boolean,
    ): Promise<LaunchedWorker> {
      return vi.waitFor(async () => {
        const worker = (await list()).find(({ name }) => name === spec.name)
        if (worker === undefined || !isExpected(worker)) throw new Error(`${spec.name} is ${JSON.stringify(worker)}`)
        return worker
      }, WAIT)
    }
    const waitUntilGone = (run: ProgramRun) => vi.waitFor(() => expect(run.isGone()).toBe(true), WAIT)
    const waitUntilForgotten = () => vi.waitFor(async () => expect(await list()).toEqual([]), WAIT)
    return {
      launcher,
      programs,
      list,
      specOf,
      relaunch,
      runOf,
      start,
      waitForWorker,
      waitUntilGone,
      waitUntilForgotten,
    }
  }

  describe(`a launcher of ${title}`, () => {
    test('lists a running worker, and starts no second one of its name', async () => {
      const { launcher, programs, specOf, runOf, waitForWorker, list } = await createFixture()
      const spec = specOf('stays')
      const outcomes = await Promise.all([launcher.launch(spec), launcher.launch(spec)])
      await runOf(spec)
      expect([...outcomes, await launcher.launch(spec)]).toEqual(['launched', 'launched', 'launched'])
      const { name, kind, assignmentId } = spec
      const { uid } = await waitForWorker(spec, ({ phase }) => phase === 'running')
      expect(uid).not.toBe('')
      const shown = { name, uid, kind, assignmentId, phase: 'running', restarts: 0, exit: null, trouble: null }
      expect(await list()).toEqual([shown])
      expect(programs.runsOf(spec)).toHaveLength(1)
    })

    test('lists an exited worker, with its last log lines, until it is stopped', async () => {
      const { launcher, specOf, waitForWorker, waitUntilForgotten } = await createFixture()
      const spec = specOf('completes')
      await launcher.launch(spec)
      const { exit, uid } = await waitForWorker(spec, ({ phase }) => phase === 'exited')
      expect(exit).toMatchObject({ code: 0, reason: 'Completed', givenUp: false })
      expect(await launcher.lastLines({ name: spec.name, uid })).toContain('the last word')
      await launcher.stop({ name: spec.name, uid }, 1000)
      await waitUntilForgotten()
      expect(await launcher.lastLines({ name: spec.name })).toEqual([])
    })

    test('reports the exit of a failed run, with its last log lines', async () => {
      const { launcher, specOf, waitForWorker } = await createFixture()
      const spec = specOf('fails')
      await launcher.launch(spec)
      const { exit } = await waitForWorker(spec, (worker) => worker.exit !== null)
      expect(exit).toMatchObject({ code: 3, reason: 'Error', givenUp: false })
      expect(exit?.lastLines).toHaveLength(20)
      expect(exit?.lastLines).toContain('line 30')
      expect(exit?.lastLines).toContain('the reason')
    })

    test('notifies a watcher when a worker ends, and no longer after its abort', async () => {
      const { launcher, start, waitForWorker } = await createFixture()
      const watching = new AbortController()
      const woken = vi.fn<() => void>()
      launcher.watch(woken, watching.signal)
      const { spec, run } = await start('stays')
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), WAIT)
      await waitForWorker(spec, ({ phase }) => phase === 'running')
      woken.mockClear()
      run.send('exit')
      await vi.waitFor(() => expect(woken).toHaveBeenCalled(), WAIT)
      await waitForWorker(spec, ({ phase }) => phase === 'exited')
      watching.abort()
      woken.mockClear()
      await start('stays')
      expect(woken).not.toHaveBeenCalled()
    })

    test('starts a worker again after an earlier one of its name has ended', async () => {
      const { start, relaunch, runOf, waitForWorker, list } = await createFixture()
      const { spec, run } = await start('stays')
      run.send('exit')
      const { uid } = await waitForWorker(spec, ({ phase }) => phase === 'exited')
      await relaunch(spec)
      await runOf(spec, 1)
      const workers = await list()
      expect(workers).toMatchObject([{ name: spec.name, exit: null }])
      expect(workers[0]?.uid).not.toBe(uid)
    })

    test('ends the child processes of an ended worker', async () => {
      const { start, waitUntilGone } = await createFixture()
      const { run } = await start('stays')
      run.send('exit')
      await waitUntilGone(run)
    })

    test('stops a worker and its child processes, and forgets it; stopping an unknown worker is a success', async () => {
      const { launcher, start, waitUntilGone, waitUntilForgotten } = await createFixture()
      const { spec, run } = await start('stays')
      const { name } = spec
      await Promise.all([launcher.stop({ name }, PATIENCE_MS), launcher.stop({ name }, PATIENCE_MS)])
      await waitUntilGone(run)
      await waitUntilForgotten()
      expect(run.messages).toContain('SIGTERM')
      await launcher.stop({ name }, PATIENCE_MS)
      await launcher.stop({ name: 'stream-monitor-none' }, PATIENCE_MS)
    })

    test('kills a worker that ignores SIGTERM after its grace period', async () => {
      const { launcher, start, waitUntilGone } = await createFixture()
      const { spec, run } = await start('stubborn')
      const before = performance.now()
      await launcher.stop({ name: spec.name }, 3000)
      await waitUntilGone(run)
      expect(performance.now() - before).toBeGreaterThan(2900)
      expect(run.messages).toContain('SIGTERM')
    })

    test('kills a worker that hangs after its grace period', async () => {
      const { launcher, start, waitUntilGone } = await createFixture()
      const { spec, run } = await start('stays')
      run.send('hang')
      await vi.waitFor(() => expect(run.messages).toContain('hanging'), WAIT)
      const before = performance.now()
      await launcher.stop({ name: spec.name }, 1000)
      await waitUntilGone(run)
      expect(performance.now() - before).toBeGreaterThan(900)
    })

    test('stops only the worker with the given uid', async () => {
      const { launcher, start, waitForWorker } = await createFixture()
      const { spec, run } = await start('stays')
      const isRunning = ({ phase }: LaunchedWorker) => phase === 'running'
      const { uid } = await waitForWorker(spec, isRunning)
      await launcher.stop({ name: spec.name, uid: '1f0c8a52-0000-4000-8000-000000000000' }, 1000)
      expect(await waitForWorker(spec, () => true)).toMatchObject({ phase: 'running', uid })
      expect(run.messages).not.toContain('SIGTERM')
    })

    test('is busy while an earlier worker of the name terminates, and launches once it is gone', async () => {
      const { launcher, start, waitForWorker, relaunch, runOf, waitUntilGone, list } = await createFixture()
      const { spec, run } = await start('stubborn')
      const stopped = launcher.stop({ name: spec.name }, PATIENCE_MS)
      const { uid } = await waitForWorker(spec, ({ phase }) => phase === 'stopping')
      expect(await launcher.launch(spec)).toBe('busy')
      run.send('exit')
      await stopped
      await relaunch(spec)
      await waitUntilGone(run)
      await runOf(spec, 1)
      const workers = await list()
      expect(workers).toMatchObject([{ name: spec.name, exit: null }])
      expect(workers[0]?.uid).not.toBe(uid)
    })

    test('has workers that a drained node lets end gracefully, without force, and launches them again', async (context) => {
      const { launcher, start, waitUntilGone, relaunch, runOf } = await createFixture()
      if (launcher.drain === undefined) return context.skip()
      const { spec, run } = await start('stays')
      await launcher.drain(spec.name)
      await waitUntilGone(run)
      expect(run.messages).toContain('SIGTERM')
      await relaunch(spec)
      await runOf(spec, 1)
    })

    test('passes a worker its own environment unchanged, and none of the variables of the gateway', async () => {
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

    test('has no problem, and reports that workers of its own and of other owners may still run', async () => {
      const { launcher } = await createFixture()
      expect(await launcher.problem()).toBeNull()
      expect(launcher.mayStillRun(launcher.owner)).toBe(true)
      expect(launcher.mayStillRun('another-machine:1:1')).toBe(true)
    })

    test('when closed, ends the workers that must not outlive the gateway, and leaves the others running', async () => {
      const { launcher, start, list } = await createFixture()
      const started = await Promise.all([start('stubborn'), start('stays')])
      await launcher.close(300)
      const left = launcher.outlivesGateway
        ? { phases: ['running', 'running'], gone: [false, false] }
        : { phases: [], gone: [true, true] }
      await vi.waitFor(async () => {
        const phases = (await list()).map(({ phase }) => phase)
        expect({ phases, gone: started.map(({ run }) => run.isGone()) }).toEqual(left)
      }, WAIT)
    })
  })
}
