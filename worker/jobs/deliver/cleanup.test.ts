import * as v from 'valibot'
import { expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { StoreSettings } from '../../stores/open-store.ts'
import { removeOutput, removeStaleOutput } from './cleanup.ts'
import { deliver } from './deliver.ts'
import { createDeliveryFixture, LADDER, PARTS_KEY } from './testing/delivery-fixture.ts'

const never = new AbortController().signal

test('intermediate files that cannot be removed are logged, and the output stays', async () => {
  const { double, prepare, lines, removeAllIntermediateFiles } = await createDeliveryFixture()
  double.inject({
    isFor: ({ operation }) => operation === 'ListObjectsV2',
    fault: { kind: 'refuse', code: 'AccessDenied' },
  })
  const delivery = await prepare(LADDER)
  expect(await deliver(delivery, never)).toMatchObject({ kind: 'done' })
  await removeAllIntermediateFiles(delivery)
  expect(lines.join()).toContain('intermediate files of a completed job left in the store')
})

test('a cleanup that fails halfway keeps the journal for the next one', async () => {
  const { dir, double, store, prepare } = await createDeliveryFixture()
  const abort = new AbortController()
  const stopped = await prepare(LADDER, { onProgress: () => abort.abort(), ownsTask: () => false })
  await deliver(stopped, abort.signal)
  double.inject({
    isFor: ({ operation }) => operation === 'DeleteObject',
    times: 1,
    fault: { kind: 'refuse', code: 'AccessDenied' },
  })
  await expect(removeStaleOutput({ store, partsKey: PARTS_KEY, dir }, never)).rejects.toMatchObject({
    code: 'STORE_REFUSED',
  })
  expect(double.objects.has(`${PARTS_KEY}files.json`)).toBe(true)
  await removeStaleOutput({ store, partsKey: PARTS_KEY, dir }, never)
  expect(double.objects.size).toBe(0)
})

test('a store that cannot be opened for a cleanup is logged and fails nothing', async () => {
  const lines: string[] = []
  const log = createLog('test', 'debug', (line) => lines.push(line))
  const task = { output: { storage: 's3', path: 'shows/7/', type: 'hls' }, parts_key: PARTS_KEY } as const
  await removeOutput(task, { environment: v.parse(StoreSettings, {}), log, dir: '/nonexistent' })
  expect(lines.join()).toContain('stale output left in the store')
  expect(lines.join()).toContain('S3_BUCKET is not set')
})
