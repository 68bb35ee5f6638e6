import { spawnSync } from 'node:child_process'
import { once } from 'node:events'

import { expect, test } from 'vitest'

import { PROGRAM_LIMITS } from './program-limits.ts'
import { startProgram } from './start-program.ts'

const limits = PROGRAM_LIMITS.encoder

async function readAll(stream: AsyncIterable<Buffer> | undefined): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('what is written to a program comes out of its pipes, until its input ends', async () => {
  await using program = startProgram('sh', ['-c', 'text=$(cat); echo "$text" >&3; echo "$text" >&4'], {
    pipes: 2,
    limits,
  })
  const outputs = program.pipes.map(readAll)
  await program.write(Buffer.from('one '))
  await program.write(Buffer.from('two'))
  program.closeInput()
  expect(await Promise.all(outputs)).toEqual(['one two\n', 'one two\n'])
  expect(await program.exited).toMatchObject({ kind: 'exited', code: 0 })
})

test('a write waits while the program reads nothing, and ends when the program is killed', async () => {
  await using program = startProgram('sleep', ['600'], { pipes: 0, limits })
  let isWritten = false
  const written = program.write(Buffer.alloc(4 * 1024 * 1024)).then(() => (isWritten = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isWritten).toBe(false)
  program.kill()
  await written
  expect(await program.exited).toMatchObject({ kind: 'killed' })
})

test('a program that fails or does not exist is a value, with its last words', async () => {
  await using failing = startProgram('sh', ['-c', 'echo broken >&2; exit 3'], { pipes: 1, limits })
  await readAll(failing.pipes[0])
  expect(await failing.exited).toEqual({ kind: 'exited', code: 3, stderr: 'broken\n' })
  await using missing = startProgram('/nowhere/ffmpeg', [], { pipes: 1, limits })
  await readAll(missing.pipes[0])
  expect(await missing.exited).toEqual({ kind: 'missing' })
})

test('disposing of a program kills its children too', async () => {
  const program = startProgram('sh', ['-c', 'sleep 600 & echo $! >&3; wait'], { pipes: 1, limits })
  const [line] = program.pipes[0] === undefined ? [] : await once(program.pipes[0], 'data')
  const pid = Number(String(line))
  expect(spawnSync('kill', ['-0', String(pid)]).status).toBe(0)
  await program[Symbol.asyncDispose]()
  // A zombie, whose parent has not yet waited for it, has no command line.
  expect(spawnSync('ps', ['-o', 'args=', '-p', String(pid)]).stdout.toString()).not.toContain('sleep 600')
})
