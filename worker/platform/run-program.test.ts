import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { type ProgramOptions, runProgram } from './run-program.ts'

const never = new AbortController().signal

function sh(script: string, options: Partial<ProgramOptions> = {}) {
  return runProgram('/bin/sh', ['-c', script], { timeoutMs: PATIENCE_MS, signal: never, ...options })
}

/** Returns whether a process runs. A zombie does not. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('runProgram', () => {
  test('returns the exit code, stdout and stderr of a program that exits', async () => {
    const result = await sh('echo out; echo err >&2; exit 3')
    expect(result).toEqual({ kind: 'exited', code: 3, stdout: 'out\n', stderr: 'err\n', pipes: [] })
  })

  test('passes arguments unchanged, whatever they contain', async () => {
    const odd = ['$(id)', '; true', '"', "'", '--', '', 'ü\n']
    const result = await runProgram('/usr/bin/printf', ['%s|', ...odd], { timeoutMs: PATIENCE_MS, signal: never })
    expect(result).toMatchObject({ kind: 'exited', stdout: `${odd.join('|')}|` })
  })

  test.runIf(existsSync('/usr/bin/setpriv'))('asks the kernel to kill the program when this process dies', async () => {
    const GET_PDEATHSIG = 2
    const script = `import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(${GET_PDEATHSIG}, ctypes.byref(n)); print(n.value)`
    const result = await runProgram('python3', ['-c', script], { timeoutMs: PATIENCE_MS, signal: never })
    expect(result).toMatchObject({ kind: 'exited', stdout: '9\n' })
  })

  test('returns the output of further pipes', async () => {
    const result = await sh('echo four >&4; echo three >&3; echo one', { pipes: 2 })
    expect(result).toMatchObject({ stdout: 'one\n', pipes: ['three\n', 'four\n'] })
  })

  test('writes the chunks of the input to stdin in order; without input, stdin is empty', async () => {
    const input = [Buffer.from('one '), Buffer.from('two')]
    expect(await sh('cat', { input })).toMatchObject({ code: 0, stdout: 'one two' })
    expect(await sh('cat')).toMatchObject({ code: 0, stdout: '' })
  })

  test('a program that does not read all of its input has not failed', async () => {
    const input = [Buffer.alloc(4 * 1024 * 1024)]
    expect(await sh('head -c 3 >/dev/null; echo done', { input })).toMatchObject({ code: 0, stdout: 'done\n' })
    expect(await sh('exec <&-; echo done', { input })).toMatchObject({ code: 0, stdout: 'done\n' })
  })

  test('the deadline kills a program that hangs, and its children', async () => {
    const endless = 'trap "" TERM; sleep 3600 & wait; sleep 3600'
    expect(await sh(endless, { timeoutMs: 200 })).toEqual({ kind: 'timed_out' })
  })

  test('a grandchild that left the process group cannot delay the deadline', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tallylight-program-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const pidFile = join(dir, 'pid')
    const endless = `setsid sh -c 'echo $$ >${pidFile}; exec sleep 3600' & wait`
    expect(await sh(endless, { timeoutMs: 2000 })).toEqual({ kind: 'timed_out' })
    const grandchild = Number(readFileSync(pidFile, 'utf8'))
    expect(isRunning(grandchild)).toBe(true)
    process.kill(grandchild)
  })

  test('an abort kills a running program, and an earlier abort starts none', async () => {
    const abort = new AbortController()
    const running = sh('sleep 300', { signal: abort.signal })
    abort.abort()
    expect(await running).toEqual({ kind: 'aborted' })
    expect(await sh('echo started', { signal: abort.signal })).toEqual({ kind: 'aborted' })
  })

  test('processes that a program leaves running in its group are killed', async () => {
    const result = await sh('sleep 300 >/dev/null 2>&1 & echo $!')
    if (result.kind !== 'exited') throw new Error(result.kind)
    await expect.poll(() => isRunning(Number(result.stdout))).toBe(false)
  })

  test('a program that does not exist or is not executable is missing', async () => {
    const options = { timeoutMs: PATIENCE_MS, signal: never, input: [Buffer.from('x')] }
    expect(await runProgram('/nowhere/ffmpeg', [], options)).toEqual({ kind: 'missing' })
    expect(await runProgram('/etc/passwd', [], options)).toEqual({ kind: 'missing' })
  })

  test('a program that a signal ended is killed, with its stderr', async () => {
    expect(await sh('echo last >&2; kill -9 $$')).toEqual({ kind: 'killed', signal: 'SIGKILL', stderr: 'last\n' })
  })

  test('a program that exceeds the output limit is killed', async () => {
    const result = await sh('yes', { maxStdoutBytes: 10_000 })
    expect(result).toMatchObject({ kind: 'killed', stderr: expect.stringContaining('larger than 10000') })
  })

  test('streams stdout while the program runs, without a limit', async () => {
    const abort = new AbortController()
    let output = ''
    const onStdout = (text: string) => {
      output += text
      if (output.length > 100_000) abort.abort()
    }
    const result = await sh('yes; sleep 300', { onStdout, maxStdoutBytes: 1000, signal: abort.signal })
    expect(result).toEqual({ kind: 'aborted' })
    expect(output).toMatch(/^y\ny\n/)
    expect(await sh('echo out', { onStdout: () => {} })).toMatchObject({ code: 0, stdout: '' })
  })

  test('keeps the end of a long stderr, and lets the program exit', async () => {
    const result = await sh('head -c 3000000 /dev/zero | tr "\\0" x >&2; echo the end >&2')
    if (result.kind !== 'exited') throw new Error(result.kind)
    expect(result.stderr.length).toBeLessThanOrEqual(64 * 1024)
    expect(result.stderr).toMatch(/xthe end\n$/)
  })

  test('a program inherits the variables that it needs to run, and no secret', async () => {
    vi.stubEnv('S3_SECRET_ACCESS_KEY', 'hidden')
    vi.stubEnv('WORKER_TOKEN', 'hidden')
    vi.stubEnv('HTTPS_PROXY', 'http://user:hidden@proxy.example:3128')
    onTestFinished(() => void vi.unstubAllEnvs())
    // env itself, because a shell would add variables.
    const result = await runProgram('/usr/bin/env', [], { timeoutMs: PATIENCE_MS, signal: never })
    if (result.kind !== 'exited') throw new Error(result.kind)
    expect(result.stdout).not.toContain('hidden')
    expect(result.stdout).toContain(`PATH=${process.env['PATH']}\n`)
  })

  test('an environment option replaces the whole environment', async () => {
    expect(await sh('/usr/bin/env', { env: { ONLY: 'this' } })).toMatchObject({
      stdout: expect.not.stringContaining('HOME='),
    })
    expect(await sh('echo $ONLY', { env: { ONLY: 'this' } })).toMatchObject({ stdout: 'this\n' })
  })
})
