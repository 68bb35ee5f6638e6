import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { startS3Double } from '../testing/s3-double/s3-double.ts'
import { changeClass } from './s3-class.ts'
import { createS3Client } from './s3-client.ts'
import { openS3Store } from './s3.ts'

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }
const MIB = 1024 * 1024
const never = new AbortController().signal

test('the objects of a folder move to a class, in one piece or in parts, with their bytes and headers', async () => {
  const dir = await mkdtemp(join(tmpdir(), 's3-class-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await using double = await startS3Double()
  const settings = { ...double, publicUrl: null }
  await using store = await openS3Store(settings)
  const sizes = { 'live/a/1.m4s': MIB, 'live/a/recording.mp4': 12 * MIB, 'live/a/init.mp4': 900, 'live/b/1.m4s': MIB }
  const stored = new Map<string, Buffer>()
  for (const [key, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size)
    stored.set(key, bytes)
    await writeFile(join(dir, 'file'), bytes)
    await store.put(key, join(dir, 'file'), HEADERS, never)
  }
  const client = createS3Client(settings)
  onTestFinished(() => client.destroy())
  const change = {
    bucket: double.bucket,
    folder: 'live/a/',
    storageClass: 'STANDARD_IA',
    maxCopyBytes: 5 * MIB,
  } as const
  await changeClass(client, change, never)
  const classes = [...double.objects].map(([key, { storageClass }]) => [key, storageClass])
  expect(Object.fromEntries(classes)).toEqual({
    'live/a/1.m4s': 'STANDARD_IA',
    'live/a/recording.mp4': 'STANDARD_IA',
    'live/a/init.mp4': 'STANDARD',
    'live/b/1.m4s': 'STANDARD',
  })
  for (const [key, bytes] of stored) {
    expect(double.objects.get(key)).toMatchObject(HEADERS)
    expect(double.objects.get(key)?.bytes.equals(bytes)).toBe(true)
  }
  // What has moved is not moved again.
  const before = double.calls.length
  await store.changeClass('live/a/', 'STANDARD_IA', never)
  expect(double.calls.slice(before).map(({ operation }) => operation)).toEqual(['ListObjectsV2'])
  await expect(store.changeClass('live/../', 'STANDARD_IA', never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
})
