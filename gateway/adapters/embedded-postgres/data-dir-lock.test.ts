import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { lockDataDir } from './data-dir-lock.ts'

async function createDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-lock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('a locked folder is refused with the pid of its holder until it is released', async () => {
  const dataDir = await createDataDir()
  const lock = await lockDataDir(dataDir)
  await expect(lockDataDir(dataDir)).rejects.toThrow(`another gateway, process ${process.pid}`)
  await lock[Symbol.asyncDispose]()
  expect(await readdir(dataDir)).toEqual([])
  await using _again = await lockDataDir(dataDir)
})

test.each([
  ['a process that has ended', { pid: 2 ** 22 + 1, startedAt: '1' }],
  ['a process whose pid was reused', { pid: process.pid, startedAt: '1' }],
  ['unknown origin, damaged', 'x'],
])('a stale lock of %s is taken over by exactly one gateway', async (_who, content) => {
  const dataDir = await createDataDir()
  await writeFile(join(dataDir, 'gateway.lock'), JSON.stringify(content))
  const tries = await Promise.allSettled(Array.from({ length: 4 }, () => lockDataDir(dataDir)))
  const taken = tries.filter((result) => result.status === 'fulfilled')
  expect(taken).toHaveLength(1)
  expect(JSON.parse(await readFile(join(dataDir, 'gateway.lock'), 'utf8'))).toMatchObject({ pid: process.pid })
  for (const { value } of taken) await value[Symbol.asyncDispose]()
})
