import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { expect, onTestFinished, test } from 'vitest'

import { startS3Double } from '../testing/s3-double/s3-double.ts'
import { openStore, StoreSettings } from './open-store.ts'

const HEADERS = { contentType: 'application/octet-stream', cacheControl: 'no-store' }
const never = new AbortController().signal

async function createFixture() {
  const dir = await mkdtemp(join(tmpdir(), 'retries-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const double = await startS3Double()
  onTestFinished(() => double[Symbol.asyncDispose]())
  const store = await openStore('s3', v.parse(StoreSettings, double.environment))
  onTestFinished(() => store[Symbol.asyncDispose]())
  const [sent, fetched] = [join(dir, 'sent'), join(dir, 'fetched')]
  await writeFile(sent, 'a piece')
  return { double, store, sent, fetched }
}

test('a store that is overloaded for a while does not fail its callers', async () => {
  const { double, store, sent, fetched } = await createFixture()
  // More failures than the SDK's own attempts: three, or one for a call with a body.
  for (const operation of ['PutObject', 'ListObjectsV2']) {
    const isFor = (call: { readonly operation: string }) => call.operation === operation
    double.inject({ isFor, times: 3, fault: { kind: 'refuse', code: 'InternalError' } })
  }
  await store.put('a/piece', sent, HEADERS, never)
  await store.get('a/piece', fetched, never)
  expect(await readFile(fetched, 'utf8')).toBe('a piece')
  expect(await store.list('a/', never)).toEqual(['a/piece'])
  await store.remove(['a/piece'], never)
  expect(double.objects.size).toBe(0)
})

test('a refused call is not repeated, and an abort ends the wait for the next attempt', async () => {
  const { double, store, sent, fetched } = await createFixture()
  await expect(store.get('a/piece', fetched, never)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  expect(double.calls).toHaveLength(1)

  double.inject({ isFor: ({ operation }) => operation === 'PutObject', fault: { kind: 'refuse', code: 'SlowDown' } })
  const abort = new AbortController()
  const putting = store.put('a/piece', sent, HEADERS, abort.signal)
  await expect.poll(() => double.calls.length).toBe(3)
  abort.abort()
  await expect(putting).rejects.toMatchObject({ code: 'ABORTED' })
})
