import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test, vi } from 'vitest'

import { WAIT } from '../../../shared/testing/until.ts'
import { openLocalStore } from '../../stores/local.ts'
import { removeStaleOutput } from './cleanup.ts'
import { deliver, type DeliveryProgress } from './deliver.ts'
import { createDeliveryFixture, LADDER, PARTS_KEY } from './testing/delivery-fixture.ts'

const MIB = 1024 * 1024
const SEGMENT = { contentType: 'video/mp2t', cacheControl: 'public, max-age=31536000, immutable' }
const NOTHING = { objects: [], uploads: [] }
const never = new AbortController().signal

function isSegment({ key }: { readonly key: string }): boolean {
  return key.endsWith('.ts')
}

describe('a delivery', () => {
  test('stores a set with its headers and returns its URL; a cleanup then removes all intermediate files', async () => {
    const { double, store, prepare, removeAllIntermediateFiles, progress, everything } = await createDeliveryFixture()
    const delivery = await prepare(LADDER)
    await store.put(`${PARTS_KEY}chunk_0.mkv`, join(delivery.set.dir, 'master.m3u8'), SEGMENT, never)
    const bytes = LADDER.reduce((sum, name) => sum + `content of ${name}`.length, 0)
    expect(await deliver(delivery, never)).toEqual({
      kind: 'done',
      output: {
        output_url: `${double.endpoint}/media/shows/7/master.m3u8`,
        output_type: 'hls',
        files_uploaded: LADDER.length,
        bytes,
      },
    })
    expect([...double.objects.keys()]).toContain(`${PARTS_KEY}files.json`)
    await removeAllIntermediateFiles(delivery)
    expect(everything()).toEqual({ objects: expect.arrayContaining([]), uploads: [] })
    expect([...double.objects.keys()].toSorted()).toEqual(LADDER.map((name) => `shows/7/${name}`).toSorted())
    expect(double.objects.get('shows/7/segment_0_000.ts')).toMatchObject(SEGMENT)
    expect(double.objects.get('shows/7/master.m3u8')).toMatchObject({
      contentType: 'application/vnd.apple.mpegurl',
      cacheControl: 'no-cache',
    })
    expect(progress.map(({ filesDone }) => filesDone)).toEqual(LADDER.map((_, i) => i + 1))
    expect(progress.at(-1)).toEqual({ files: LADDER.length, filesDone: LADDER.length, bytesDone: bytes })
  })

  test.each([
    ['manifest.mpd', 'application/dash+xml', 'no-cache'],
    ['init_0.m4s', 'video/iso.segment', SEGMENT.cacheControl],
    ['clip.mp4', 'video/mp4', 'no-cache'],
    ['clip.m4a', 'audio/mp4', 'no-cache'],
    ['thumbnails.vtt', 'text/vtt', 'no-cache'],
    ['poster.jpg', 'image/jpeg', 'no-cache'],
  ])('stores %s as %s, %s', async (name, contentType, cacheControl) => {
    const { double, prepare } = await createDeliveryFixture()
    await deliver(await prepare([name]), never)
    expect(double.objects.get(`shows/7/${name}`)).toMatchObject({ contentType, cacheControl })
  })

  test.each([
    ['clip.MOV', true, 'video/mp4'],
    ['clip.mp4', false, 'audio/mp4'],
  ])(
    'stores a single file at the path itself, whatever its extension, and its thumbnails beside it: %s',
    async (name, hasPicture, type) => {
      const { double, prepare } = await createDeliveryFixture()
      const output = { path: `shows/${name}`, type: 'single' as const }
      const result = await deliver(
        await prepare(['clip.poster.jpg', 'output'], { output, hasVideo: hasPicture }),
        never,
      )
      expect(result).toMatchObject({ output: { output_url: `${double.endpoint}/media/shows/${name}` } })
      const seen = [...double.objects].filter(([key]) => !key.startsWith(PARTS_KEY))
      expect(seen.map(([key, { contentType }]) => [key, contentType])).toEqual([
        ['shows/clip.poster.jpg', 'image/jpeg'],
        [`shows/${name}`, type],
      ])
    },
  )

  test('makes no file visible before the files that it refers to, and stores its journal first', async () => {
    const { double, prepare } = await createDeliveryFixture({ latencyMs: 2 })
    const extra = ['thumbnails.vtt', 'sprite_0.jpg']
    await deliver(await prepare([...extra, ...LADDER]), never)
    const names = double.appeared.map((key) => key.replace('shows/7/', ''))
    expect(names[0]).toBe(`${PARTS_KEY}files.json`)
    expect(new Set(names.slice(1, 8))).toEqual(new Set(['sprite_0.jpg', ...LADDER.slice(0, 6)]))
    expect(new Set(names.slice(8, 11))).toEqual(new Set(['thumbnails.vtt', 'stream_0.m3u8', 'stream_1.m3u8']))
    expect(names.slice(11)).toEqual(['master.m3u8'])
  })

  test('uploads eight files at a time', async () => {
    const { double, prepare } = await createDeliveryFixture({ latencyMs: 5 })
    const segments = Array.from({ length: 300 }, (_, i) => `segment_0_${i}.ts`)
    const result = await deliver(await prepare([...segments, 'stream_0.m3u8', 'master.m3u8']), never)
    expect(result).toMatchObject({ kind: 'done', output: { files_uploaded: 302 } })
    expect(double.mostUploadsAtOnce()).toBe(8)
  })

  test('continues where a store is overloaded or a connection breaks (F26)', async () => {
    const { dir, double, prepare, everything } = await createDeliveryFixture()
    const delivery = await prepare(LADDER)
    const big = randomBytes(17 * MIB)
    await writeFile(join(dir, 'segment_1_002.ts'), big)
    double.inject({ isFor: isSegment, times: 2, fault: { kind: 'refuse', code: 'SlowDown' } })
    // As many cuts as attempts for one part: the multipart upload is aborted and started again.
    double.inject({
      isFor: ({ partNumber }) => partNumber === 3,
      times: 3,
      fault: { kind: 'cut', afterBytes: MIB / 2 },
    })
    expect(await deliver(delivery, never)).toMatchObject({ kind: 'done' })
    expect(double.objects.get('shows/7/segment_1_002.ts')?.bytes.equals(big)).toBe(true)
    expect(everything().uploads).toEqual([])
    expect(double.calls.filter(({ operation }) => operation === 'AbortMultipartUpload')).toHaveLength(1)
    expect(double.appeared.at(-1)).toBe('shows/7/master.m3u8')
  })

  test('that fails permanently leaves nothing, and no playlist was ever visible (F26)', async () => {
    const { dir, double, prepare, everything } = await createDeliveryFixture()
    const delivery = await prepare(LADDER)
    await writeFile(join(dir, 'segment_1_002.ts'), randomBytes(17 * MIB))
    double.inject({ isFor: ({ partNumber }) => partNumber === 3, fault: { kind: 'cut', afterBytes: MIB / 2 } })
    expect(await deliver(delivery, never)).toMatchObject({
      kind: 'failed',
      failure: { code: 'UPLOAD_FAILED', is_transient: true },
    })
    expect(everything()).toEqual(NOTHING)
    expect(double.appeared.filter((key) => key.endsWith('.m3u8'))).toEqual([])
  })

  test('that is refused fails without a retry', async () => {
    const { double, prepare, everything } = await createDeliveryFixture()
    double.inject({ isFor: ({ key }) => key.endsWith('0_001.ts'), fault: { kind: 'refuse', code: 'AccessDenied' } })
    const isPut = ({ operation, key }: (typeof double.calls)[number]) =>
      operation === 'PutObject' && key.endsWith('0_001.ts')
    const result = await deliver(await prepare(LADDER), never)
    expect(result).toMatchObject({ kind: 'failed', failure: { code: 'UPLOAD_FAILED', is_transient: false } })
    expect(double.calls.filter(isPut)).toHaveLength(1)
    expect(everything().objects).not.toContain('shows/7/master.m3u8')
  })

  test('to a full store fails with ENOSPC', async () => {
    const { double, prepare } = await createDeliveryFixture()
    double.inject({ isFor: isSegment, fault: { kind: 'refuse', code: 'QuotaExceeded' } })
    expect(await deliver(await prepare(LADDER), never)).toMatchObject({
      kind: 'failed',
      failure: { code: 'ENOSPC', is_transient: false },
    })
  })

  test('that is aborted removes the files that it has stored', async () => {
    const { dir, prepare, everything } = await createDeliveryFixture({ latencyMs: 5 })
    const abort = new AbortController()
    const onProgress = ({ filesDone }: DeliveryProgress) => filesDone === 3 && abort.abort()
    const delivery = await prepare(LADDER, { onProgress })
    await writeFile(join(dir, 'segment_0_000.ts'), randomBytes(40 * MIB))
    expect(await deliver(delivery, abort.signal)).toEqual({ kind: 'aborted' })
    expect(everything()).toEqual(NOTHING)
  })

  test('that fails or is aborted keeps an earlier job’s output only where it has not begun to replace it', async () => {
    const { double, prepare, everything } = await createDeliveryFixture()
    const earlierJob = { partsKey: '.tallylight/job-0/' }
    await deliver(await prepare(LADDER, earlierJob), never)
    const clip = { output: { path: 'shows/clip.mp4', type: 'single' as const } }
    await deliver(await prepare(['clip.mp4'], { ...earlierJob, ...clip }), never)
    const earlier = everything().objects
    double.inject({
      isFor: ({ key }) => key === 'shows/clip.mp4',
      times: 1,
      fault: { kind: 'refuse', code: 'AccessDenied' },
    })
    expect(await deliver(await prepare(['clip.mp4'], clip), never)).toMatchObject({ kind: 'failed' })
    expect(await deliver(await prepare(LADDER), AbortSignal.abort())).toEqual({ kind: 'aborted' })
    expect(everything().objects.toSorted()).toEqual(earlier.toSorted())

    const abort = new AbortController()
    const onProgress = ({ filesDone }: DeliveryProgress) => filesDone === 6 && abort.abort()
    expect(await deliver(await prepare(LADDER, { onProgress }), abort.signal)).toEqual({ kind: 'aborted' })
    expect(everything().objects.toSorted()).toEqual(['.tallylight/job-0/files.json', 'shows/clip.mp4'])
  })

  test('of a task that it may have lost removes nothing; a cleanup does, and can be repeated', async () => {
    const { dir, store, double, prepare, everything } = await createDeliveryFixture({ latencyMs: 5 })
    const abort = new AbortController()
    const onProgress = ({ filesDone }: DeliveryProgress) => filesDone === 3 && abort.abort()
    const delivery = await prepare(LADDER, { onProgress, ownsTask: () => false })
    await store.put('shows/7/foreign.txt', join(delivery.set.dir, 'master.m3u8'), SEGMENT, never)
    expect(await deliver(delivery, abort.signal)).toEqual({ kind: 'aborted' })
    expect(double.objects.size).toBeGreaterThanOrEqual(5)
    await removeStaleOutput({ store, partsKey: PARTS_KEY, dir }, never)
    expect(everything()).toEqual({ objects: ['shows/7/foreign.txt'], uploads: [] })
    await removeStaleOutput({ store, partsKey: PARTS_KEY, dir }, never)
  })

  test('with a missing local file leaves nothing in the store', async () => {
    const { dir, prepare, everything } = await createDeliveryFixture()
    const delivery = await prepare(LADDER)
    await rm(join(dir, 'stream_1.m3u8'))
    await expect(deliver(delivery, never)).rejects.toThrow('ENOENT')
    expect(everything()).toEqual(NOTHING)
  })

  test('of a second attempt first removes the files of the first', async () => {
    const { double, prepare, removeAllIntermediateFiles } = await createDeliveryFixture()
    const abort = new AbortController()
    const died = await prepare(LADDER, { onProgress: () => abort.abort(), ownsTask: () => false })
    await deliver(died, abort.signal)
    const left = [...double.objects.keys()].filter((key) => !key.startsWith(PARTS_KEY))
    expect(left.length).toBeGreaterThan(0)
    const next = await prepare(LADDER.slice(-3), { isFirstAttempt: false })
    expect(await deliver(next, never)).toMatchObject({ kind: 'done' })
    await removeAllIntermediateFiles(next)
    expect([...double.objects.keys()].toSorted()).toEqual(
      LADDER.slice(-3)
        .map((name) => `shows/7/${name}`)
        .toSorted(),
    )
  })
})

test('a delivery to a local store that fails leaves no folder either', async () => {
  const { dir, prepare } = await createDeliveryFixture()
  const root = join(dir, 'store')
  const store = openLocalStore({ dir: root, url: 'http://127.0.0.1/media' })
  await mkdir(join(root, 'shows', '7', 'master.m3u8'), { recursive: true })
  const delivery = await prepare(LADDER, { store })
  expect(await deliver(delivery, never)).toMatchObject({ kind: 'failed', failure: { is_transient: false } })
  expect(await store.list('shows/', never)).toEqual([])
  await vi.waitFor(async () => expect(await store.list(PARTS_KEY, never)).toEqual([]), WAIT)
})
