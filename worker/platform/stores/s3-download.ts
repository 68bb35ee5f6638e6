import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3'

import { readS3Url } from '../../../shared/s3-url.ts'
import { backoffMs } from '../backoff.ts'
import { pause } from '../bell.ts'
import { createS3Client, type S3Settings, secretsOf } from './s3-client.ts'
import { s3Failure } from './s3-failure.ts'
import { StoreError } from './store.ts'

/** What to download, and where to. */
export type S3Object = {
  readonly bucket: string
  readonly key: string
  readonly path: string
  /** More is not taken: `TOO_LARGE`. */
  readonly maxBytes: number
}

/** So often in a row a download may break off without a byte more. */
const FRUITLESS_TRIES = 4
const RETRY = { firstMs: 250, maxMs: 4000 }

/**
 * Downloads `s3://bucket/key` with the worker's own credentials; a connection that breaks is taken up where it broke.
 * @throws StoreError, `STORE_REFUSED` for what is no such URL; then there is no file at `path`
 */
export async function fetchS3Object(
  settings: S3Settings,
  source: { readonly url: string; readonly path: string; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<void> {
  const read = readS3Url(source.url)
  if (!read.ok) throw new StoreError('STORE_REFUSED', `the URL ${read.problem}`)
  const client = createS3Client(settings)
  try {
    await download(client, { ...source, ...read.location }, signal)
  } catch (error) {
    throw s3Failure(error, signal, secretsOf(settings))
  } finally {
    client.destroy()
  }
}

/** The same with a client that is there; it throws the SDK's errors as they are. */
export async function download(client: S3Client, object: S3Object, signal: AbortSignal): Promise<void> {
  try {
    await rm(object.path, { force: true })
    await downloadOn(client, object, signal)
  } catch (error) {
    await rm(object.path, { force: true })
    throw error
  }
}

/** Asks for what is missing until nothing is; the entity tag makes sure that it is one and the same object. */
async function downloadOn(client: S3Client, object: S3Object, signal: AbortSignal): Promise<void> {
  let etag: string | undefined
  let failures = 0
  for (;;) {
    const have = await sizeOf(object.path)
    try {
      const answer = await request(client, { object, have, etag }, signal)
      etag = answer.ETag
      await save(answer, object, { have, signal })
      return
    } catch (error) {
      failures = (await sizeOf(object.path)) > have ? 1 : failures + 1
      const failure = s3Failure(error, signal, [])
      if (!failure.isTransient || failures >= FRUITLESS_TRIES) throw error
      await pause(backoffMs(failures, RETRY), signal)
    }
  }
}

type Asked = { readonly object: S3Object; readonly have: number; readonly etag: string | undefined }

function request(client: S3Client, { object, have, etag }: Asked, signal: AbortSignal) {
  const rest = have === 0 ? {} : { Range: `bytes=${have}-`, ...(etag === undefined ? {} : { IfMatch: etag }) }
  return client.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key, ...rest }), { abortSignal: signal })
}

async function save(
  answer: GetObjectCommandOutput,
  { path, maxBytes }: S3Object,
  { have, signal }: { readonly have: number; readonly signal: AbortSignal },
): Promise<void> {
  const { Body: body, ContentLength: length, ContentRange: range } = answer
  if (!(body instanceof Readable)) throw new Error('an answer without a body')
  const isRest = have === 0 || range?.startsWith(`bytes ${have}-`) === true
  const problem = isRest ? tooLarge(have + (length ?? 0), maxBytes) : new Error('another range than asked for')
  if (problem !== null) {
    body.destroy()
    throw problem
  }
  const flags = have === 0 ? 'w' : 'a'
  await pipeline(body, limitTo(maxBytes - have), createWriteStream(path, { flags }), { signal })
  if (length !== undefined && (await sizeOf(path)) !== have + length) throw new Error('broken off')
}

/** A server may send more than it has said, or not say how much. */
function limitTo(maxBytes: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(tooLarge(bytes, maxBytes), chunk)
    },
  })
}

function tooLarge(bytes: number, maxBytes: number): StoreError | null {
  return bytes > maxBytes ? new StoreError('TOO_LARGE', `larger than ${maxBytes} bytes`) : null
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
