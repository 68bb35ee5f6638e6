import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import {
  createProgramLimits,
  limitOptions,
  parseHardLimits,
  PROGRAM_LIMITS,
  type ProgramLimits,
} from './program-limits.ts'
import { type ProgramOptions, runProgram } from './run-program.ts'

const MIB = 1024 * 1024
const LIMITS: ProgramLimits = { memoryBytes: 256 * MIB, cpuSec: null, fileBytes: null, stackBytes: null, tree: null }

function run(file: string, args: readonly string[], options: Partial<ProgramOptions> = {}) {
  return runProgram(file, args, { timeoutMs: PATIENCE_MS, signal: new AbortController().signal, ...options })
}

function python(script: string, limits: Partial<ProgramLimits>, options: Partial<ProgramOptions> = {}) {
  return run('/usr/bin/python3', ['-c', script], { limits: { ...LIMITS, ...limits }, ...options })
}

describe('a program', () => {
  test('fails by itself where it takes more memory than its limit', async () => {
    const result = await python('x = bytearray(512 << 20)', {})
    expect(result).toMatchObject({ kind: 'exited', code: 1, stderr: expect.stringContaining('MemoryError') })
  })

  test('that reads an endless page into its memory fails by itself', async () => {
    const script = 'import sys; x = []\nwhile True: x.append(sys.stdin.buffer.read(1 << 20) or b"x" * (1 << 20))'
    const limits = { memoryBytes: 64 * MIB }
    expect(await python(script, limits)).toMatchObject({
      kind: 'exited',
      stderr: expect.stringContaining('MemoryError'),
    })
  })

  test('is ended where it takes more CPU time than its limit', async () => {
    expect(await python('while True: pass', { cpuSec: 1 })).toMatchObject({ kind: 'killed', signal: 'SIGXCPU' })
  })

  test('cannot ignore the end of its CPU time', async () => {
    const script = 'import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass'
    expect(await python(script, { cpuSec: 1 })).toMatchObject({ kind: 'killed', signal: 'SIGKILL' })
  })

  test('cannot write a file larger than its limit; what it writes to a pipe is not a file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tallylight-limits-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const script =
      'import sys; sys.stdout.write("x" * 100000); sys.stdout.flush(); open("f", "wb").write(b"x" * 100000)'
    const result = await python(script, { fileBytes: 50_000 }, { cwd: dir })
    expect(result).toMatchObject({ kind: 'exited', code: 1, stdout: expect.stringMatching(/^x{100000}$/) })
    expect(statSync(join(dir, 'f')).size).toBe(50_000)
  })

  test('that starts processes without end is ended with all of them', async () => {
    const tree = { processes: 8, memoryBytes: 512 * MIB }
    const script = 'i=0; while [ $i -lt 500 ]; do sleep 600 & i=$((i+1)); done; wait'
    const result = await run('/bin/sh', ['-c', script], { limits: { ...LIMITS, tree } })
    expect(result).toEqual({ kind: 'killed', signal: 'SIGKILL', stderr: 'it started more than 8 processes' })
  })

  test('whose processes take more memory together than its limit is ended', async () => {
    const tree = { processes: 8, memoryBytes: 100 * MIB }
    const script = 'import os, time\nfor _ in range(2): os.fork()\nx = bytearray(b"x" * (40 << 20)); time.sleep(600)'
    const result = await python(script, { tree })
    expect(result).toMatchObject({ kind: 'killed', stderr: expect.stringContaining('bytes of memory') })
  })
})

describe('normal work', () => {
  test('a JavaScript runtime with its threads and WebAssembly runs under the limits of a resolver', async () => {
    const script = `
      new WebAssembly.Memory({ initial: 256, maximum: 4096 });
      const { execFileSync } = require('node:child_process');
      const list = Array.from({ length: 60 }, () => new Uint8Array(1e6).fill(1));
      console.log(list.length, String(execFileSync(process.execPath, ['-e', 'console.log("child")'])));`
    const result = await run(process.execPath, ['-e', script], { limits: PROGRAM_LIMITS.resolver })
    expect(result).toMatchObject({ kind: 'exited', code: 0, stdout: '60 child\n\n' })
  })

  test('ffmpeg with many threads encodes under the limits of an encoder with 2 GiB', async () => {
    const threads = ['-threads', '24']
    const input = ['-filter_complex_threads', '24', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:d=1']
    const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency']
    const args = ['-nostdin', '-v', 'error', ...threads, ...input, ...threads, ...video, '-f', 'null', '-']
    const limits = createProgramLimits(2048 * MIB).encoder
    expect(await run('ffmpeg', args, { limits })).toMatchObject({ kind: 'exited', code: 0, stderr: '' })
  })
})

test('memory follows the machine or the container, and no kind has more than its own need', () => {
  const small = createProgramLimits(512 * MIB)
  const large = createProgramLimits(64 * 1024 * MIB)
  expect(small.decoder.memoryBytes).toBe(384 * MIB)
  expect(small.encoder.memoryBytes).toBe(384 * MIB)
  expect(large.decoder.memoryBytes).toBe(768 * MIB)
  expect(large.encoder.memoryBytes).toBe(48 * 1024 * MIB)
})

test('no limit exceeds that of the process, which only root may raise', () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max data size             unlimited            1000                 bytes
Max stack size            8388608              4096                 bytes
Max open files            20000                20000                files     `
  const hard = parseHardLimits(`${text}\n`)
  expect([...hard]).toEqual([
    ['Max data size', 1000],
    ['Max stack size', 4096],
    ['Max open files', 20_000],
  ])
  expect(limitOptions({ ...LIMITS, cpuSec: 60, fileBytes: 0, stackBytes: 8192 }, hard)).toEqual([
    '--core=0',
    '--data=1000',
    '--cpu=60:62',
    '--fsize=0',
    '--stack=4096:',
  ])
})
