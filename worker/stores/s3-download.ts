import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'

import { parseS3Url } from '../../shared/net/s3-url.ts'
import { computeBackoffMs } from '../platform/backoff.ts'
import { sleep } from '../platform/wake-signal.ts'
import { createS3Client, listSecrets, type S3Settings } from './s3-client.ts'
import { toStoreError } from './s3-error.ts'
import { StoreError } from './store.ts'

/** An object, and the local file that it is written to. */
export type S3Download = {
  readonly bucket: string
  readonly key: string
  readonly path: string
  /** A larger object fails with `TOO_LARGE`. */
  readonly maxBytes: number
}

/** Attempts in a row that receive no further byte. */
const MAX_FRUITLESS_ATTEMPTS = 4
const BACKOFF = { firstMs: 250, maxMs: 4000 }

/**
 * Downloads `s3://bucket/key` with the worker's own credentials, and resumes after a broken connection.
 * @throws StoreError also for an invalid URL; no file is left at `path` then
 */
export async function fetchS3Object(
  settings: S3Settings,
  source: { readonly url: string; readonly path: string; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<void> {
  const parsed = parseS3Url(source.url)
  if (!parsed.ok) throw new StoreError('STORE_REFUSED', `the URL ${parsed.problem}`)
  const client = createS3Client(settings)
  try {
    await downloadObject(client, { ...source, ...parsed.location }, signal)
  } catch (error) {
    throw toStoreError(error, signal, listSecrets(settings))
  } finally {
    client.destroy()
  }
}

/**
 * Downloads an object, and resumes after a broken connection.
 * @throws the SDK's errors; no file is left at the path then
 */
export async function downloadObject(client: S3Client, object: S3Download, signal: AbortSignal): Promise<void> {
  try {
    await rm(object.path, { force: true })
    await downloadWithResume(client, object, signal)
  } catch (error) {
    await rm(object.path, { force: true })
    throw error
  }
}

/** Requests the missing bytes until the file is complete. The entity tag ensures that all bytes are of one object. */
async function downloadWithResume(client: S3Client, object: S3Download, signal: AbortSignal): Promise<void> {
  let etag: string | undefined
  let failures = 0
  for (;;) {
    const offset = await readSize(object.path)
    try {
      const response = await requestRange(client, { object, offset, etag }, signal)
      etag = response.ETag
      await appendBody(response, object, { offset, signal })
      return
    } catch (error) {
      failures = (await readSize(object.path)) > offset ? 1 : failures + 1
      const storeError = toStoreError(error, signal, [])
      if (!storeError.isTransient || failures >= MAX_FRUITLESS_ATTEMPTS) throw error
      await sleep(computeBackoffMs(failures, BACKOFF), signal)
    }
  }
}

type RangeRequest = { readonly object: S3Download; readonly offset: number; readonly etag: string | undefined }

function requestRange(client: S3Client, { object, offset, etag }: RangeRequest, signal: AbortSignal) {
  const range = offset === 0 ? {} : { Range: `bytes=${offset}-`, ...(etag === undefined ? {} : { IfMatch: etag }) }
  return client.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key, ...range }), {
    abortSignal: signal,
  })
}

async function appendBody(
  { Body: body, ContentLength: length, ContentRange: range }: GetObjectCommandOutput,
  { path, maxBytes }: S3Download,
  { offset, signal }: { readonly offset: number; readonly signal: AbortSignal },
): Promise<void> {
  if (!(body instanceof Readable)) throw new Error('the response has no body')
  const isRequestedRange = offset === 0 || range?.startsWith(`bytes ${offset}-`) === true
  const problem = isRequestedRange
    ? checkSize(offset + (length ?? 0), maxBytes)
    : new Error('the response has another range than requested')
  if (problem !== null) {
    body.destroy()
    throw problem
  }
  const flags = offset === 0 ? 'w' : 'a'
  await pipeline(body, createSizeLimit(maxBytes - offset), createWriteStream(path, { flags }), { signal })
  if (length !== undefined && (await readSize(path)) !== offset + length) throw new Error('the response is truncated')
}

/** Creates a stream that fails beyond a size: a server may send more than it declares, or declare no size. */
function createSizeLimit(maxBytes: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(checkSize(bytes, maxBytes), chunk)
    },
  })
}

function checkSize(bytes: number, maxBytes: number): StoreError | null {
  return bytes > maxBytes ? new StoreError('TOO_LARGE', `larger than ${maxBytes} bytes`) : null
}

async function readSize(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
