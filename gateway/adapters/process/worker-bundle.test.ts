import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, onTestFinished, test } from 'vitest'

import { bundleWorker } from './worker-bundle.ts'

test('the bundled worker runs from any folder, and gateways that start together write each file once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-bundle-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [path] = await Promise.all([bundleWorker(folder), bundleWorker(folder)])
  const files = await readdir(join(folder, 'worker'))
  expect(files).toContain('main.mjs')
  expect(files.filter((file) => !/^(?:main\.mjs|part-[A-Z0-9]+\.(?:mjs|node))$/.test(file))).toEqual([])
  const run = promisify(execFile)(process.execPath, [path], { env: { WORKER_KIND: 'monitor' }, cwd: folder })
  await expect(run).rejects.toMatchObject({ code: 2, stdout: expect.stringContaining('MONITOR_ID is missing') })
})
