import { randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'

import { freePort } from '../../testing/free-port.ts'
import type { StoredObject } from '../../testing/s3-double/bucket.ts'
import { type S3Double, type S3DoubleOptions, startS3Double } from '../../testing/s3-double/s3-double.ts'
import { createS3Client, type S3Settings } from './s3-client.ts'
import { fetchS3Object } from './s3-download.ts'
import { openS3Store } from './s3.ts'
import { describeStore, SECRET } from './store.conformance.ts'

const HEADERS = { contentType: 'video/mp2t', cacheControl: 'public, max-age=31536000, immutable' }
const never = new AbortController().signal
const MIB = 1024 * 1024

function settingsOf({ bucket, region, endpoint, credentials }: S3Double): S3Settings {
  return { bucket, region, endpoint, credentials, publicUrl: null }
}

describeStore('S3, by the double', async () => {
  const double = await startS3Double()
  const settings = settingsOf(double)
  const store = await openS3Store(settings)
  return {
    store,
    refused: await openS3Store({ ...settings, credentials: { ...double.credentials, secretAccessKey: SECRET } }),
    isArriving: () => Promise.resolve(double.openUploads().length > 0),
    leftovers: () => Promise.resolve(double.openUploads().map(({ key }) => key)),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await double[Symbol.asyncDispose]()
    },
  }
})

async function createFixture(options: S3DoubleOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 's3-store-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const double = await startS3Double(options)
  onTestFinished(() => double[Symbol.asyncDispose]())
  const settings = settingsOf(double)
  const store = await openS3Store(settings)
  onTestFinished(() => store[Symbol.asyncDispose]())
  const fileOf = async (bytes: string | Uint8Array) => {
    const path = join(dir, randomBytes(8).toString('hex'))
    await writeFile(path, bytes)
    return path
  }
  const callsOf = (operation: string) => double.calls.filter((call) => call.operation === operation)
  return { dir, double, settings, store, fileOf, callsOf }
}

test('an object carries its type and how long it may be kept, in one piece and in parts', async () => {
  const { double, store, fileOf, callsOf } = await createFixture()
  await store.put('a/small.ts', await fileOf('x'), HEADERS, never)
  await store.put('a/big.ts', await fileOf(randomBytes(17 * MIB)), HEADERS, never)
  expect([double.objects.get('a/small.ts'), double.objects.get('a/big.ts')]).toMatchObject([HEADERS, HEADERS])
  expect(new Set(callsOf('UploadPart').map(({ partNumber }) => partNumber))).toEqual(new Set([1, 2, 3]))
})

test('a part whose connection breaks is sent again, alone', async () => {
  const { double, store, fileOf, callsOf } = await createFixture()
  const bytes = randomBytes(17 * MIB)
  double.inject({ isFor: (call) => call.partNumber === 3, times: 1, fault: { kind: 'cut', afterBytes: MIB / 2 } })
  await store.put('a/big', await fileOf(bytes), HEADERS, never)
  expect(double.objects.get('a/big')?.bytes.equals(bytes)).toBe(true)
  const numbers = callsOf('UploadPart').map(({ partNumber }) => partNumber ?? 0)
  expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 3])
})

test.each([
  ['breaks off every time', { operation: 'UploadPart', fault: { kind: 'cut', afterBytes: MIB / 2 } }],
  ['is refused a part', { operation: 'UploadPart', fault: { kind: 'refuse', code: 'AccessDenied' } }],
  ['is refused its end', { operation: 'CompleteMultipartUpload', fault: { kind: 'refuse', code: 'InvalidPart' } }],
] as const)('an upload that %s is aborted and leaves nothing', async (_, { operation, fault }) => {
  const { double, store, fileOf, callsOf } = await createFixture()
  double.inject({ isFor: (call) => call.operation === operation, fault })
  await expect(store.put('a/big', await fileOf(randomBytes(17 * MIB)), HEADERS, never)).rejects.toMatchObject({
    code: fault.kind === 'cut' ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED',
  })
  expect([double.openUploads(), [...double.objects.keys()], callsOf('AbortMultipartUpload')]).toMatchObject([
    [],
    [],
    [{ key: 'a/big', status: 204 }],
  ])
})

test('an upload in parts that is aborted while it begins leaves none open', async () => {
  const { double, store, fileOf, callsOf } = await createFixture({ latencyMs: 50 })
  const path = await fileOf(randomBytes(17 * MIB))
  const abort = new AbortController()
  const failure = store.put('a/big', path, HEADERS, abort.signal).catch((error: unknown) => error)
  // It has come, and is not answered yet.
  await vi.waitFor(() => expect(callsOf('CreateMultipartUpload')).toMatchObject([{ status: null }]), { interval: 5 })
  abort.abort()
  expect(await failure).toMatchObject({ code: 'ABORTED' })
  await vi.waitFor(() => expect(callsOf('CreateMultipartUpload')).toMatchObject([{ status: 200 }]))
  await vi.waitFor(() => expect(double.openUploads()).toEqual([]))
})

test('removes what a killed worker has left of an upload in parts, and only that', async () => {
  const { double, settings, store } = await createFixture()
  const client = createS3Client(settings)
  for (const Key of ['a/1', 'a/12', 'b/2', 'bb/3']) {
    await client.send(new CreateMultipartUploadCommand({ Bucket: double.bucket, Key }))
  }
  await store.remove(['a/1', 'a/never'], never)
  expect(double.openUploads().map(({ key }) => key)).toEqual(['a/12', 'b/2', 'bb/3'])
  await store.clear('b/', never)
  expect(double.openUploads().map(({ key }) => key)).toEqual(['a/12', 'bb/3'])
})

test.each(['NotImplemented', 'AccessDenied'])('removes from a server that lists no uploads (%s)', async (code) => {
  const { double, store, fileOf } = await createFixture()
  double.inject({ isFor: ({ operation }) => operation === 'ListMultipartUploads', fault: { kind: 'refuse', code } })
  await store.put('a/1', await fileOf('x'), HEADERS, never)
  await store.remove(['a/1'], never)
  expect([...double.objects.keys()]).toEqual([])
})

test('a download that breaks off is taken up where it broke', async () => {
  const { dir, double, store, fileOf, callsOf } = await createFixture()
  const bytes = randomBytes(3 * MIB)
  await store.put('a/1', await fileOf(bytes), HEADERS, never)
  double.inject({ isFor: isGet, times: 2, fault: { kind: 'cut_answer', afterBytes: MIB } })
  await store.get('a/1', join(dir, 'got'), never)
  expect((await readFile(join(dir, 'got'))).equals(bytes)).toBe(true)
  expect(callsOf('GetObject').map(({ status }) => status)).toEqual([null, null, 206])
})

test('a download is never put together of two objects', async () => {
  const { dir, double, store, fileOf, callsOf } = await createFixture()
  await store.put('a/1', await fileOf(randomBytes(3 * MIB)), HEADERS, never)
  await store.put('a/2', await fileOf(randomBytes(3 * MIB)), HEADERS, never)
  double.inject({ isFor: isGet, times: 1, fault: { kind: 'cut_answer', afterBytes: MIB } })
  const objects = double.objects as Map<string, StoredObject>
  const replaceOnce = () => {
    const other = objects.get('a/2')
    if (callsOf('GetObject').length === 2 && other !== undefined) objects.set('a/1', other)
    return false
  }
  double.inject({ isFor: replaceOnce, fault: { kind: 'hang' } })
  await expect(store.get('a/1', join(dir, 'got'), never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(access(join(dir, 'got'))).rejects.toThrow('ENOENT')
})

test('a download that gets nowhere is given up', async () => {
  const { dir, double, store, fileOf } = await createFixture()
  await store.put('a/1', await fileOf(randomBytes(MIB)), HEADERS, never)
  double.inject({ isFor: isGet, fault: { kind: 'cut_answer', afterBytes: 0 } })
  await expect(store.get('a/1', join(dir, 'got'), never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(access(join(dir, 'got'))).rejects.toThrow('ENOENT')
})

test('fetches an input by its s3:// URL, up to a size', async () => {
  const { dir, double, settings, store, fileOf } = await createFixture()
  const path = join(dir, 'got')
  await store.put('in/a b%20ü?.mov', await fileOf('0123456789'), HEADERS, never)
  const fetchIt = (url: string, maxBytes = 10) =>
    fetchS3Object({ ...settings, bucket: null }, { url, path, maxBytes }, never)
  // As the gateway keeps a URL: escaped.
  const url = `s3://${double.bucket}/in/${encodeURIComponent('a b%20ü?.mov')}`
  await fetchIt(url)
  expect(await readFile(path, 'utf8')).toBe('0123456789')
  await expect(fetchIt(url, 9)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  await expect(access(path)).rejects.toThrow('ENOENT')
  await expect(fetchIt(`s3://${double.bucket}/in/none`)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  // Whatever the gateway takes for a bucket is asked for.
  await expect(fetchIt('s3://Old_Bucket/in/none')).rejects.toMatchObject({
    message: expect.stringContaining('NoSuchBucket'),
  })
  await expect(fetchIt('s3://other-bucket/in/none')).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  for (const wrong of [
    's3://',
    's3://b/',
    's3://a/b',
    'http://bucket/key',
    's3://user@bucket/key',
    's3://bucket/%zz',
  ]) {
    await expect(fetchIt(wrong)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  }
})

test.each([
  ['SlowDown', 'STORE_UNAVAILABLE'],
  ['InternalError', 'STORE_UNAVAILABLE'],
  ['RequestTimeout', 'STORE_UNAVAILABLE'],
  ['AccessDenied', 'STORE_REFUSED'],
  ['InvalidAccessKeyId', 'STORE_REFUSED'],
  ['NoSuchBucket', 'STORE_REFUSED'],
  ['QuotaExceeded', 'ENOSPC'],
])('a server that answers %s is told as %s', async (word, code) => {
  const { double, store, fileOf } = await createFixture()
  double.inject({ isFor: () => true, fault: { kind: 'refuse', code: word } })
  const failure = store.put('a/1', await fileOf('x'), HEADERS, never)
  await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(word) })
})

test('a server that is not there is a passing failure; one that hangs holds nobody who aborts', async () => {
  const { double, settings, store, fileOf } = await createFixture()
  const path = await fileOf('x')
  const nowhere = await openS3Store({ ...settings, endpoint: `http://127.0.0.1:${await freePort()}` })
  await expect(nowhere.put('a/1', path, HEADERS, never)).rejects.toMatchObject({ isTransient: true })
  double.inject({ isFor: () => true, fault: { kind: 'hang' } })
  const abort = new AbortController()
  const failure = store.put('a/1', path, HEADERS, abort.signal).catch((error: unknown) => error)
  await vi.waitFor(() => expect(double.calls).toHaveLength(1))
  abort.abort()
  expect(await failure).toMatchObject({ code: 'ABORTED' })
})

test.each([
  [{ endpoint: 'http://127.0.0.1:9000/' }, 'http://127.0.0.1:9000/media/a%20b'],
  [{ region: 'eu-west-1' }, 'https://media.s3.eu-west-1.amazonaws.com/a%20b'],
  [{ bucket: 'my.media' }, 'https://s3.us-east-1.amazonaws.com/my.media/a%20b'],
  [{ publicUrl: 'https://cdn.example/x/' }, 'https://cdn.example/x/a%20b'],
])('names the URL of an object by the settings %j', async (more, url) => {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const settings = { bucket: 'media', region: 'us-east-1', endpoint: null, credentials, publicUrl: null, ...more }
  expect((await openS3Store(settings)).urlOf('a b')).toBe(url)
})

function isGet({ operation }: { readonly operation: string }): boolean {
  return operation === 'GetObject'
}
