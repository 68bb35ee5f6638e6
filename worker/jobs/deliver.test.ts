import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { openLocalStore } from '../platform/stores/local.ts'
import { openS3Store } from '../platform/stores/s3.ts'
import { withRetries } from '../platform/stores/with-retries.ts'
import { type S3DoubleOptions, startS3Double } from '../testing/s3-double/s3-double.ts'
import { deliver, type Delivered, type Delivery, sweep, tidy } from './deliver.ts'

const MIB = 1024 * 1024
const PARTS_KEY = '.tallylight/job-1/'
const SEGMENT = { contentType: 'video/mp2t', cacheControl: 'public, max-age=31536000, immutable' }

const LADDER = [
  ...[0, 1].flatMap((n) => ['000', '001', '002'].map((i) => `segment_${n}_${i}.ts`)),
  'stream_0.m3u8',
  'stream_1.m3u8',
  'master.m3u8',
]

/** A set in a folder, a store on the double, and what a worker would hand over with them. */
async function createFixture(options: S3DoubleOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'deliver-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const double = await startS3Double(options)
  onTestFinished(() => double[Symbol.asyncDispose]())
  const { bucket, region, endpoint, credentials } = double
  const store = withRetries(await openS3Store({ bucket, region, endpoint, credentials, publicUrl: null }))
  onTestFinished(() => store[Symbol.asyncDispose]())
  const lines: string[] = []
  const progress: Delivered[] = []
  const prepare = async (files: readonly string[], more: Partial<Delivery> = {}): Promise<Delivery> => {
    for (const name of files) await writeFile(join(dir, name), `content of ${name}`)
    return {
      store,
      set: { dir, files, entry: files.at(-1) ?? '' },
      output: { path: 'shows/7/', type: 'hls' },
      partsKey: PARTS_KEY,
      onProgress: (delivered) => progress.push(delivered),
      hasPicture: true,
      isFirstAttempt: true,
      isStillOurs: () => true,
      log: createLog('test', 'debug', (line) => lines.push(line)),
      ...more,
    }
  }
  const everything = () => ({ objects: [...double.objects.keys()], uploads: double.openUploads() })
  return { dir, double, store, lines, progress, prepare, everything }
}

const NOTHING = { objects: [], uploads: [] }
const never = new AbortController().signal

function isSegment({ key }: { readonly key: string }): boolean {
  return key.endsWith('.ts')
}

describe('a delivery', () => {
  test('stores a set with the right headers and says what a reader opens; no parts stay once that is known', async () => {
    const { double, store, prepare, progress, everything } = await createFixture()
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
    await tidy(store, PARTS_KEY, delivery.log)
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
    const { double, prepare } = await createFixture()
    await deliver(await prepare([name]), never)
    expect(double.objects.get(`shows/7/${name}`)).toMatchObject({ contentType, cacheControl })
  })

  // Whatever it is called.
  test.each([
    ['clip.MOV', true, 'video/mp4'],
    ['clip.mp4', false, 'audio/mp4'],
  ])('stores a single file at the path itself, and what goes with it beside it: %s', async (name, hasPicture, type) => {
    const { double, prepare } = await createFixture()
    const output = { path: `shows/${name}`, type: 'single' as const }
    const result = await deliver(await prepare(['clip.poster.jpg', 'output'], { output, hasPicture }), never)
    expect(result).toMatchObject({ output: { output_url: `${double.endpoint}/media/shows/${name}` } })
    const seen = [...double.objects].filter(([key]) => !key.startsWith(PARTS_KEY))
    expect(seen.map(([key, { contentType }]) => [key, contentType])).toEqual([
      ['shows/clip.poster.jpg', 'image/jpeg'],
      [`shows/${name}`, type],
    ])
  })

  test('makes nothing visible before what it refers to is there, and its list of keys before all', async () => {
    const { double, prepare } = await createFixture({ latencyMs: 2 })
    const extra = ['thumbnails.vtt', 'sprite_0.jpg']
    await deliver(await prepare([...extra, ...LADDER]), never)
    const names = double.appeared.map((key) => key.replace('shows/7/', ''))
    expect(names[0]).toBe(`${PARTS_KEY}files.json`)
    expect(new Set(names.slice(1, 8))).toEqual(new Set(['sprite_0.jpg', ...LADDER.slice(0, 6)]))
    expect(new Set(names.slice(8, 11))).toEqual(new Set(['thumbnails.vtt', 'stream_0.m3u8', 'stream_1.m3u8']))
    expect(names.slice(11)).toEqual(['master.m3u8'])
  })

  test('sends many small files, eight at a time', async () => {
    const { double, prepare } = await createFixture({ latencyMs: 5 })
    const segments = Array.from({ length: 300 }, (_, i) => `segment_0_${i}.ts`)
    const result = await deliver(await prepare([...segments, 'stream_0.m3u8', 'master.m3u8']), never)
    expect(result).toMatchObject({ kind: 'done', output: { files_uploaded: 302 } })
    expect(double.mostUploadsAtOnce()).toBe(8)
  })

  test('goes on where a store is overloaded or a connection breaks (F26)', async () => {
    const { dir, double, prepare, everything } = await createFixture()
    const delivery = await prepare(LADDER)
    const big = randomBytes(17 * MIB)
    await writeFile(join(dir, 'segment_1_002.ts'), big)
    double.inject({ isFor: isSegment, times: 2, fault: { kind: 'refuse', code: 'SlowDown' } })
    // As often as a part is sent: the whole upload is aborted and begun again.
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

  test('that fails for good leaves nothing, and no playlist was ever there (F26)', { timeout: 40_000 }, async () => {
    const { dir, double, prepare, everything } = await createFixture()
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

  test('that is refused fails at once, without another try', async () => {
    const { double, prepare, everything } = await createFixture()
    double.inject({ isFor: ({ key }) => key.endsWith('0_001.ts'), fault: { kind: 'refuse', code: 'AccessDenied' } })
    const isPut = ({ operation, key }: (typeof double.calls)[number]) =>
      operation === 'PutObject' && key.endsWith('0_001.ts')
    const result = await deliver(await prepare(LADDER), never)
    expect(result).toMatchObject({ kind: 'failed', failure: { code: 'UPLOAD_FAILED', is_transient: false } })
    expect(double.calls.filter(isPut)).toHaveLength(1)
    expect(everything().objects).not.toContain('shows/7/master.m3u8')
  })

  test('to a full store fails with that reason', async () => {
    const { double, prepare } = await createFixture()
    double.inject({ isFor: isSegment, fault: { kind: 'refuse', code: 'QuotaExceeded' } })
    expect(await deliver(await prepare(LADDER), never)).toMatchObject({
      kind: 'failed',
      failure: { code: 'ENOSPC', is_transient: false },
    })
  })

  test('that is aborted takes back what it has put', async () => {
    const { dir, prepare, everything } = await createFixture({ latencyMs: 5 })
    const abort = new AbortController()
    const onProgress = ({ filesDone }: Delivered) => filesDone === 3 && abort.abort()
    const delivery = await prepare(LADDER, { onProgress })
    await writeFile(join(dir, 'segment_0_000.ts'), randomBytes(40 * MIB))
    expect(await deliver(delivery, abort.signal)).toEqual({ kind: 'aborted' })
    expect(everything()).toEqual(NOTHING)
  })

  test('that fails or is aborted leaves an earlier job’s output whole or, where it had begun to replace it, not at all', async () => {
    const { double, prepare, everything } = await createFixture()
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
    const onProgress = ({ filesDone }: Delivered) => filesDone === 6 && abort.abort()
    expect(await deliver(await prepare(LADDER, { onProgress }), abort.signal)).toEqual({ kind: 'aborted' })
    expect(everything().objects.toSorted()).toEqual(['.tallylight/job-0/files.json', 'shows/clip.mp4'])
  })

  test('that another worker may have taken over removes nothing; a sweep does, once and again', async () => {
    const { dir, store, double, prepare, everything } = await createFixture({ latencyMs: 5 })
    const abort = new AbortController()
    const onProgress = ({ filesDone }: Delivered) => filesDone === 3 && abort.abort()
    const delivery = await prepare(LADDER, { onProgress, isStillOurs: () => false })
    await store.put('shows/7/foreign.txt', join(delivery.set.dir, 'master.m3u8'), SEGMENT, never)
    expect(await deliver(delivery, abort.signal)).toEqual({ kind: 'aborted' })
    expect(double.objects.size).toBeGreaterThanOrEqual(5)
    await sweep({ store, partsKey: PARTS_KEY, dir }, never)
    expect(everything()).toEqual({ objects: ['shows/7/foreign.txt'], uploads: [] })
    await sweep({ store, partsKey: PARTS_KEY, dir }, never)
  })

  test('whose own files are gone leaves the store clean', async () => {
    const { dir, prepare, everything } = await createFixture()
    const delivery = await prepare(LADDER)
    await rm(join(dir, 'stream_1.m3u8'))
    await expect(deliver(delivery, never)).rejects.toThrow('ENOENT')
    expect(everything()).toEqual(NOTHING)
  })

  test('of a job that had another attempt before first removes what that one had put', async () => {
    const { double, prepare, store } = await createFixture()
    const abort = new AbortController()
    const died = await prepare(LADDER, { onProgress: () => abort.abort(), isStillOurs: () => false })
    await deliver(died, abort.signal)
    const left = [...double.objects.keys()].filter((key) => !key.startsWith(PARTS_KEY))
    expect(left.length).toBeGreaterThan(0)
    const next = await prepare(LADDER.slice(-3), { isFirstAttempt: false })
    expect(await deliver(next, never)).toMatchObject({ kind: 'done' })
    await tidy(store, PARTS_KEY, next.log)
    expect([...double.objects.keys()].toSorted()).toEqual(
      LADDER.slice(-3)
        .map((name) => `shows/7/${name}`)
        .toSorted(),
    )
  })

  test('stands even where its parts cannot be removed, and says so', async () => {
    const { double, prepare, lines, store } = await createFixture()
    double.inject({
      isFor: ({ operation }) => operation === 'ListObjectsV2',
      fault: { kind: 'refuse', code: 'AccessDenied' },
    })
    const delivery = await prepare(LADDER)
    expect(await deliver(delivery, never)).toMatchObject({ kind: 'done' })
    await tidy(store, PARTS_KEY, delivery.log)
    expect(lines.join()).toContain('parts of a finished job left in the store')
  })
})

test('a sweep that could not remove everything leaves the list to the next one', async () => {
  const { dir, double, store, prepare } = await createFixture()
  const abort = new AbortController()
  const stopped = await prepare(LADDER, { onProgress: () => abort.abort(), isStillOurs: () => false })
  await deliver(stopped, abort.signal)
  double.inject({
    isFor: ({ operation }) => operation === 'DeleteObject',
    times: 1,
    fault: { kind: 'refuse', code: 'AccessDenied' },
  })
  await expect(sweep({ store, partsKey: PARTS_KEY, dir }, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  expect(double.objects.has(`${PARTS_KEY}files.json`)).toBe(true)
  await sweep({ store, partsKey: PARTS_KEY, dir }, never)
  expect(double.objects.size).toBe(0)
})

test('a delivery to a folder that fails leaves no folder either', async () => {
  const { dir, prepare } = await createFixture()
  const root = join(dir, 'store')
  const store = openLocalStore({ dir: root, url: 'http://127.0.0.1/media' })
  await mkdir(join(root, 'shows', '7', 'master.m3u8'), { recursive: true })
  const delivery = await prepare(LADDER, { store })
  expect(await deliver(delivery, never)).toMatchObject({ kind: 'failed', failure: { is_transient: false } })
  expect(await store.list('shows/', never)).toEqual([])
  await vi.waitFor(async () => expect(await store.list(PARTS_KEY, never)).toEqual([]))
})
