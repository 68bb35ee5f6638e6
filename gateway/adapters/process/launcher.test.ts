import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { LauncherUnavailable, type Launcher } from '../../ports/launcher.ts'
import { describeLauncher } from '../../testing/launcher.conformance.ts'
import { createLocalProcessLauncher } from './launcher.ts'
import { readProcessStartTime } from './process-identity.ts'
import { PATIENCE_MS, WAIT } from '../../../shared/testing/until.ts'

describeLauncher('local processes', async (entry) => createLocalProcessLauncher({ entry, writeLine: () => undefined }))

async function writeProgram(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-program-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const entry = join(folder, 'worker.mjs')
  await writeFile(entry, text)
  return entry
}

const SPEC = {
  name: 'stream-monitor-1',
  kind: 'monitor',
  assignmentId: '1',
  env: { NODE_OPTIONS: '--max-old-space-size=96' },
}

/** Runs a program as a worker until it exits. */
async function runToEnd(program: string) {
  const lines: string[] = []
  const entry = await writeProgram(program)
  const launcher = createLocalProcessLauncher({ entry, writeLine: (line) => lines.push(line) })
  onTestFinished(() => launcher.close(0))
  await launcher.launch(SPEC)
  const exit = await vi.waitFor(async () => {
    const [worker] = await launcher.list(AbortSignal.timeout(PATIENCE_MS))
    if (!worker?.exit) throw new Error('the worker has not ended')
    return worker.exit
  }, WAIT)
  return { exit, lines }
}

/** Launches a worker that ignores SIGTERM. Resolves with its pid and that of its child once both run. */
async function startStubborn(launcher: Launcher, lines: readonly string[]): Promise<readonly number[]> {
  await launcher.launch(SPEC)
  return vi.waitFor(() => {
    const pids = lines.join(' ').match(/\d+/g)?.map(Number) ?? []
    if (pids.length !== 2) throw new Error('the worker has not begun')
    return pids
  }, WAIT)
}

const STUBBORN = `
  import { spawn } from 'node:child_process'
  process.on('SIGTERM', () => {})
  if (process.argv[2] === undefined) spawn(process.execPath, [import.meta.filename, 'child'], { stdio: 'inherit' })
  setInterval(() => {}, 1000)
  console.log(process.pid)`

async function createStubborn() {
  const lines: string[] = []
  const entry = await writeProgram(STUBBORN)
  const launcher = createLocalProcessLauncher({ entry, writeLine: (line) => lines.push(line) })
  onTestFinished(() => launcher.close(0))
  return { launcher, pids: await startStubborn(launcher, lines) }
}

test.each(['ignores SIGTERM', 'is frozen'])(
  'stopping a worker that %s resolves once its whole process group has ended',
  async (how) => {
    const { launcher, pids } = await createStubborn()
    if (how === 'is frozen') process.kill(pids[0] ?? 0, 'SIGSTOP')
    const before = performance.now()
    await launcher.stop(SPEC, 300)
    expect(performance.now() - before).toBeGreaterThan(290)
    expect(pids.map(readProcessStartTime)).toEqual([null, null])
    expect(await launcher.list(AbortSignal.timeout(PATIENCE_MS))).toEqual([])
  },
)

test('a killed worker has no exit code, the signal as its reason, and no child left', async () => {
  const { launcher, pids } = await createStubborn()
  const [{ uid } = { uid: '' }] = await launcher.list(AbortSignal.timeout(PATIENCE_MS))
  expect(uid).toBe(`${pids[0]}:${readProcessStartTime(pids[0] ?? 0)}`)
  process.kill(pids[0] ?? 0, 'SIGKILL')
  await vi.waitFor(async () => {
    const workers = await launcher.list(AbortSignal.timeout(PATIENCE_MS))
    expect(workers).toMatchObject([
      { uid, phase: 'exited', restarts: 0, exit: { code: -1, reason: 'SIGKILL', givenUp: false } },
    ])
  }, WAIT)
  expect(pids.map(readProcessStartTime)).toEqual([null, null])
})

test('a closed launcher leaves no process behind and refuses launches', async () => {
  const { launcher, pids } = await createStubborn()
  await launcher.close(100)
  expect(pids.map(readProcessStartTime)).toEqual([null, null])
  await expect(launcher.launch(SPEC)).rejects.toThrow(LauncherUnavailable)
})

test('the output of a worker is forwarded line by line, from stdout and stderr', async () => {
  const { exit, lines } = await runToEnd(`process.stdout.write('a\\nb'); process.stderr.write('c\\n')`)
  expect(exit).toMatchObject({ code: 0 })
  expect(lines.toSorted()).toEqual(['a', 'b', 'c'])
})

test('a worker that runs out of memory is reported as OOMKilled', async () => {
  const { exit } = await runToEnd(`const kept = []; for (;;) kept.push(new Array(1e5).fill({}))`)
  expect(exit).toMatchObject({ code: -1, reason: 'OOMKilled' })
})

test("a worker's stdin closes when its gateway ends, even by SIGKILL", async () => {
  const adapter = new URL('launcher.ts', import.meta.url).href
  const entry = await writeProgram(`
    import { writeFileSync } from 'node:fs'
    if (process.env.GATEWAY_PIPE !== '1') process.exit(1)
    process.stdin.resume().on('end', () => process.exit(0))
    console.log(process.pid)`)
  const program = `
    import { createLocalProcessLauncher } from ${JSON.stringify(adapter)}
    const launcher = createLocalProcessLauncher({ entry: ${JSON.stringify(entry)}, writeLine: console.log })
    await launcher.launch(${JSON.stringify(SPEC)})`
  const args = ['--import', 'tsx', '--input-type=module', '-e', program]
  const gateway = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(gateway.stdout, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer]
  const worker = Number(String(line))
  expect(readProcessStartTime(worker)).not.toBeNull()
  gateway.kill('SIGKILL')
  await vi.waitFor(() => expect(readProcessStartTime(worker)).toBeNull(), WAIT)
})

test('a worker of another gateway on this machine may still run while that gateway does', async () => {
  const launcher = createLocalProcessLauncher({ entry: '', writeLine: () => undefined })
  const gateway = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(gateway, 'spawn')
  const pid = gateway.pid ?? 0
  const owner = `${hostname()}:${pid}:${readProcessStartTime(pid) ?? ''}`
  expect(launcher.mayStillRun(owner)).toBe(true)
  expect(launcher.mayStillRun(`${hostname()}:${pid}:1`)).toBe(false)
  gateway.kill('SIGKILL')
  await once(gateway, 'exit')
  expect(launcher.mayStillRun(owner)).toBe(false)
})
