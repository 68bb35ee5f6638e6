import { randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'

import { formatAttachment } from '../../shared/net/attachment.ts'
import { findFreePort } from '../../shared/testing/free-port.ts'
import { WAIT } from '../../shared/testing/until.ts'
import type { StoredObject } from '../testing/s3-double/bucket.ts'
import { type S3Double, type S3DoubleOptions, startS3Double } from '../testing/s3-double/s3-double.ts'
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

describeStore('S3 on the double', async () => {
  const double = await startS3Double()
  const settings = settingsOf(double)
  const store = await openS3Store(settings)
  return {
    store,
    unauthorized: await openS3Store({ ...settings, credentials: { ...double.credentials, secretAccessKey: SECRET } }),
    isArriving: () => Promise.resolve(double.openUploads().length > 0),
    partialUploads: () => Promise.resolve(double.openUploads().map(({ key }) => key)),
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

test('an object has its headers, uploaded in one piece or in parts', async () => {
  const { double, store, fileOf, callsOf } = await createFixture()
  await store.put('a/small.ts', await fileOf('x'), HEADERS, never)
  await store.put('a/big.ts', await fileOf(randomBytes(17 * MIB)), HEADERS, never)
  expect([double.objects.get('a/small.ts'), double.objects.get('a/big.ts')]).toMatchObject([HEADERS, HEADERS])
  const saved = { ...HEADERS, contentDisposition: formatAttachment('番組', 'mp4') }
  await store.put('a/saved.mp4', await fileOf('x'), saved, never)
  expect(double.objects.get('a/saved.mp4')).toMatchObject(saved)
  expect(new Set(callsOf('UploadPart').map(({ partNumber }) => partNumber))).toEqual(new Set([1, 2, 3]))
})

test('only the part whose connection breaks is uploaded again', async () => {
  const { double, store, fileOf, callsOf } = await createFixture()
  const bytes = randomBytes(17 * MIB)
  double.inject({ isFor: (call) => call.partNumber === 3, times: 1, fault: { kind: 'cut', afterBytes: MIB / 2 } })
  await store.put('a/big', await fileOf(bytes), HEADERS, never)
  expect(double.objects.get('a/big')?.bytes.equals(bytes)).toBe(true)
  const numbers = callsOf('UploadPart').map(({ partNumber }) => partNumber ?? 0)
  expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 3])
})

test.each([
  ['breaks at every attempt', { operation: 'UploadPart', fault: { kind: 'cut', afterBytes: MIB / 2 } }],
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

test('a multipart upload that is aborted while it starts leaves none open', async () => {
  const { double, store, fileOf, callsOf } = await createFixture({ latencyMs: 50 })
  const path = await fileOf(randomBytes(17 * MIB))
  const abort = new AbortController()
  const abortAtStart = ({ operation }: { readonly operation: string }) => {
    if (operation === 'CreateMultipartUpload') abort.abort()
    return false
  }
  double.inject({ isFor: abortAtStart, fault: { kind: 'hang' } })
  await expect(store.put('a/big', path, HEADERS, abort.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  await vi.waitFor(() => expect(callsOf('CreateMultipartUpload')).toMatchObject([{ status: 200 }]), WAIT)
  await vi.waitFor(() => expect(double.openUploads()).toEqual([]), WAIT)
})

test('aborts the multipart uploads that a killed worker has left open, and no others', async () => {
  const { double, settings, store } = await createFixture()
  const client = createS3Client(settings)
  for (const Key of ['a/1', 'a/12', 'b/2', 'bb/3']) {
    await client.send(new CreateMultipartUploadCommand({ Bucket: double.bucket, Key }))
  }
  await store.remove(['a/1', 'a/never'], never)
  expect(double.openUploads().map(({ key }) => key)).toEqual(['a/12', 'b/2', 'bb/3'])
  await store.removeFolder('b/', never)
  expect(double.openUploads().map(({ key }) => key)).toEqual(['a/12', 'bb/3'])
})

test.each(['NotImplemented', 'AccessDenied'])(
  'removes objects of a server that does not list uploads (%s)',
  async (code) => {
    const { double, store, fileOf } = await createFixture()
    double.inject({ isFor: ({ operation }) => operation === 'ListMultipartUploads', fault: { kind: 'refuse', code } })
    await store.put('a/1', await fileOf('x'), HEADERS, never)
    await store.remove(['a/1'], never)
    expect([...double.objects.keys()]).toEqual([])
  },
)

test('a download resumes where its connection broke', async () => {
  const { dir, double, store, fileOf, callsOf } = await createFixture()
  const bytes = randomBytes(3 * MIB)
  await store.put('a/1', await fileOf(bytes), HEADERS, never)
  double.inject({ isFor: isGet, times: 2, fault: { kind: 'cut_answer', afterBytes: MIB } })
  await store.get('a/1', join(dir, 'got'), never)
  expect((await readFile(join(dir, 'got'))).equals(bytes)).toBe(true)
  expect(callsOf('GetObject').map(({ status }) => status)).toEqual([null, null, 206])
})

test('a download never combines two objects', async () => {
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

test('a download without progress fails', async () => {
  const { dir, double, store, fileOf } = await createFixture()
  await store.put('a/1', await fileOf(randomBytes(MIB)), HEADERS, never)
  double.inject({ isFor: isGet, fault: { kind: 'cut_answer', afterBytes: 0 } })
  await expect(store.get('a/1', join(dir, 'got'), never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(access(join(dir, 'got'))).rejects.toThrow('ENOENT')
})

test('fetches an input by its s3:// URL, up to a maximum size', async () => {
  const { dir, double, settings, store, fileOf } = await createFixture()
  const path = join(dir, 'got')
  await store.put('in/a b%20ü?.mov', await fileOf('0123456789'), HEADERS, never)
  const fetchIt = (url: string, maxBytes = 10) =>
    fetchS3Object({ ...settings, bucket: null }, { url, path, maxBytes }, never)
  // The gateway stores URLs escaped.
  const url = `s3://${double.bucket}/in/${encodeURIComponent('a b%20ü?.mov')}`
  await fetchIt(url)
  expect(await readFile(path, 'utf8')).toBe('0123456789')
  await expect(fetchIt(url, 9)).rejects.toMatchObject({ code: 'TOO_LARGE' })
  await expect(access(path)).rejects.toThrow('ENOENT')
  await expect(fetchIt(`s3://${double.bucket}/in/none`)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  // A bucket name that the gateway accepts is requested from the server.
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
])('the response %s is reported as %s', async (word, code) => {
  const { double, store, fileOf } = await createFixture()
  double.inject({ isFor: () => true, fault: { kind: 'refuse', code: word } })
  const failure = store.put('a/1', await fileOf('x'), HEADERS, never)
  await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(word) })
})

test('an unreachable server is a transient failure, and an abort ends the wait for a server that hangs', async () => {
  const { double, settings, store, fileOf } = await createFixture()
  const path = await fileOf('x')
  const unreachable = await openS3Store({ ...settings, endpoint: `http://127.0.0.1:${await findFreePort()}` })
  await expect(unreachable.put('a/1', path, HEADERS, never)).rejects.toMatchObject({ isTransient: true })
  double.inject({ isFor: () => true, fault: { kind: 'hang' } })
  const abort = new AbortController()
  const failure = store.put('a/1', path, HEADERS, abort.signal).catch((error: unknown) => error)
  await vi.waitFor(() => expect(double.calls).toHaveLength(1), WAIT)
  abort.abort()
  expect(await failure).toMatchObject({ code: 'ABORTED' })
})

test.each([
  [{ endpoint: 'http://127.0.0.1:9000/' }, 'http://127.0.0.1:9000/media/a%20b'],
  [{ region: 'eu-west-1' }, 'https://media.s3.eu-west-1.amazonaws.com/a%20b'],
  [{ bucket: 'my.media' }, 'https://s3.us-east-1.amazonaws.com/my.media/a%20b'],
  [{ publicUrl: 'https://cdn.example/x/' }, 'https://cdn.example/x/a%20b'],
])('returns the URL of an object for the settings %j', async (more, url) => {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const settings = { bucket: 'media', region: 'us-east-1', endpoint: null, credentials, publicUrl: null, ...more }
  expect((await openS3Store(settings)).urlOf('a b')).toBe(url)
})

function isGet({ operation }: { readonly operation: string }): boolean {
  return operation === 'GetObject'
}
