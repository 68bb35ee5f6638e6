import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { loadOrCreateKeys } from './generated-keys.ts'

async function createDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-keys-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

test('keys are generated once, kept, and readable by their owner only', async () => {
  const dataDir = await createDataDir()
  const first = await loadOrCreateKeys(dataDir)
  expect(first.isNew).toBe(true)
  expect(new Set(Object.values(first.keys)).size).toBe(3)
  expect(await loadOrCreateKeys(dataDir)).toEqual({ keys: first.keys, isNew: false })
  expect((await stat(join(dataDir, 'keys.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(dataDir)).toEqual(['keys.json'])
})

test('gateways that start at the same time use the same keys', async () => {
  const dataDir = await createDataDir()
  const loaded = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKeys(dataDir)))
  expect(loaded.filter(({ isNew }) => isNew)).toHaveLength(1)
  expect(new Set(loaded.map(({ keys }) => keys.API_KEY)).size).toBe(1)
})

test.each(['', '{"API_KEY":"short"}'])('a damaged key file (%j) is refused', async (content) => {
  const dataDir = await createDataDir()
  await loadOrCreateKeys(dataDir)
  await writeFile(join(dataDir, 'keys.json'), content)
  await expect(loadOrCreateKeys(dataDir)).rejects.toThrow('keys.json is damaged')
})
