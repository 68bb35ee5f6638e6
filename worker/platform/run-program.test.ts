import { existsSync, readFileSync } from 'node:fs'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { type RunOptions, runProgram } from './run-program.ts'

const never = new AbortController().signal

function sh(script: string, options: Partial<RunOptions> = {}) {
  return runProgram('/bin/sh', ['-c', script], { timeoutMs: 10_000, signal: never, ...options })
}

/** Whether a process runs: one that waits to be reaped does not. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('runProgram', () => {
  test('a run that ends by itself gives its code, stdout and stderr', async () => {
    const result = await sh('echo out; echo err >&2; exit 3')
    expect(result).toEqual({ kind: 'exited', code: 3, stdout: 'out\n', stderr: 'err\n', pipes: [] })
  })

  test('arguments reach the program as they are, whatever they hold', async () => {
    const odd = ['$(id)', '; true', '"', "'", '--', '', 'ü\n']
    const result = await runProgram('/usr/bin/printf', ['%s|', ...odd], { timeoutMs: 10_000, signal: never })
    expect(result).toMatchObject({ kind: 'exited', stdout: `${odd.join('|')}|` })
  })

  test.runIf(existsSync('/usr/bin/setpriv'))('the kernel is to kill every program when this process dies', async () => {
    const GET_PDEATHSIG = 2
    const ask = `import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(${GET_PDEATHSIG}, ctypes.byref(n)); print(n.value)`
    const result = await runProgram('python3', ['-c', ask], { timeoutMs: 10_000, signal: never })
    expect(result).toMatchObject({ kind: 'exited', stdout: '9\n' })
  })

  test('a program may write to further pipes', async () => {
    const result = await sh('echo four >&4; echo three >&3; echo one', { pipes: 2 })
    expect(result).toMatchObject({ stdout: 'one\n', pipes: ['three\n', 'four\n'] })
  })

  test('the pieces of the input arrive one after the other, and without input stdin is empty', async () => {
    const input = [Buffer.from('one '), Buffer.from('two')]
    expect(await sh('cat', { input })).toMatchObject({ code: 0, stdout: 'one two' })
    expect(await sh('cat')).toMatchObject({ code: 0, stdout: '' })
  })

  test('a program that does not read its input to the end has not failed', async () => {
    const input = [Buffer.alloc(4 * 1024 * 1024)]
    expect(await sh('head -c 3 >/dev/null; echo done', { input })).toMatchObject({ code: 0, stdout: 'done\n' })
    expect(await sh('exec <&-; echo done', { input })).toMatchObject({ code: 0, stdout: 'done\n' })
  })

  test('the deadline ends a program that hangs, and its children', async () => {
    const started = Date.now()
    expect(await sh('trap "" TERM; sleep 300 & wait; sleep 300', { timeoutMs: 200 })).toEqual({ kind: 'timed_out' })
    expect(Date.now() - started).toBeLessThan(5_000)
  })

  test('a grandchild that left the process group cannot hold up the deadline', async () => {
    const started = Date.now()
    expect(await sh('setsid sleep 3 & wait', { timeoutMs: 200 })).toEqual({ kind: 'timed_out' })
    expect(Date.now() - started).toBeLessThan(2_500)
  })

  test('aborting ends a running program, and starts none where it came first', async () => {
    const abort = new AbortController()
    const running = sh('sleep 300', { signal: abort.signal })
    abort.abort()
    expect(await running).toEqual({ kind: 'aborted' })
    expect(await sh('echo started', { signal: abort.signal })).toEqual({ kind: 'aborted' })
  })

  test('what a program leaves running in its group ends with it', async () => {
    const result = await sh('sleep 300 >/dev/null 2>&1 & echo $!')
    if (result.kind !== 'exited') throw new Error(result.kind)
    await expect.poll(() => isRunning(Number(result.stdout))).toBe(false)
  })

  test('a program that is not there, or may not be run, is missing', async () => {
    const options = { timeoutMs: 10_000, signal: never, input: [Buffer.from('x')] }
    expect(await runProgram('/nowhere/ffmpeg', [], options)).toEqual({ kind: 'missing' })
    expect(await runProgram('/etc/passwd', [], options)).toEqual({ kind: 'missing' })
  })

  test('a program that a signal ended is killed, with what it had said', async () => {
    expect(await sh('echo last >&2; kill -9 $$')).toEqual({ kind: 'killed', signal: 'SIGKILL', stderr: 'last\n' })
  })

  test('a program that writes without end is killed at the limit', async () => {
    const result = await sh('yes', { maxStdoutBytes: 10_000 })
    expect(result).toMatchObject({ kind: 'killed', stderr: expect.stringContaining('larger than 10000') })
  })

  test('stdout can be followed while the program runs, without a limit', async () => {
    const abort = new AbortController()
    let seen = ''
    const onStdout = (text: string) => {
      seen += text
      if (seen.length > 100_000) abort.abort()
    }
    const result = await sh('yes; sleep 300', { onStdout, maxStdoutBytes: 1000, signal: abort.signal })
    expect(result).toEqual({ kind: 'aborted' })
    expect(seen).toMatch(/^y\ny\n/)
    expect(await sh('echo out', { onStdout: () => {} })).toMatchObject({ code: 0, stdout: '' })
  })

  test('of a flood on stderr the end is kept, and the run is not disturbed', async () => {
    const result = await sh('head -c 3000000 /dev/zero | tr "\\0" x >&2; echo the end >&2')
    if (result.kind !== 'exited') throw new Error(result.kind)
    expect(result.stderr.length).toBeLessThanOrEqual(64 * 1024)
    expect(result.stderr).toMatch(/xthe end\n$/)
  })

  test('of our environment a program sees what it needs to run, and no secret', async () => {
    vi.stubEnv('S3_SECRET_ACCESS_KEY', 'hidden')
    vi.stubEnv('WORKER_TOKEN', 'hidden')
    vi.stubEnv('HTTPS_PROXY', 'http://user:hidden@proxy.example:3128')
    onTestFinished(() => void vi.unstubAllEnvs())
    // What the kernel shows of the very process, and not what a shell adds.
    const result = await runProgram('/usr/bin/env', [], { timeoutMs: 10_000, signal: never })
    if (result.kind !== 'exited') throw new Error(result.kind)
    expect(result.stdout).not.toContain('hidden')
    expect(result.stdout).toContain(`PATH=${process.env['PATH']}\n`)
  })

  test('an environment that is given is the whole one', async () => {
    expect(await sh('/usr/bin/env', { env: { ONLY: 'this' } })).toMatchObject({
      stdout: expect.not.stringContaining('HOME='),
    })
    expect(await sh('echo $ONLY', { env: { ONLY: 'this' } })).toMatchObject({ stdout: 'this\n' })
  })
})
