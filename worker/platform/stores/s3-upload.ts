import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

import { backoffMs } from '../backoff.ts'
import { pause } from '../bell.ts'
import { inParallel } from '../in-parallel.ts'
import { s3Failure } from './s3-failure.ts'
import type { FileHeaders } from './store.ts'

const MIB = 1024 * 1024

/** Larger files go up in parts. */
const MULTIPART_BYTES = 16 * MIB
const PART_BYTES = 8 * MIB
/** The most that S3 takes of one upload. */
const MAX_PARTS = 10_000
const PARALLEL_PARTS = 4

/** A part that fails is sent again so often before the upload is given up. */
const PART_TRIES = 3
const RETRY = { firstMs: 200, maxMs: 2000 }

/** Beginning an upload, and taking it back, takes no longer, whoever aborts meanwhile. */
const SMALL_CALL_TIMEOUT_MS = 10_000

export type Upload = {
  readonly bucket: string
  readonly key: string
  readonly path: string
  readonly headers: FileHeaders
}

type Part = { readonly number: number; readonly start: number; readonly end: number }

/** Uploads a file, a large one in parts; it throws the SDK's errors as they are, and then nothing is visible. */
export async function upload(client: S3Client, file: Upload, signal: AbortSignal): Promise<void> {
  const { size } = await stat(file.path)
  if (size > MULTIPART_BYTES) return uploadInParts(client, file, { size, signal })
  await withBody({ path: file.path, start: 0, end: size }, signal, (body, abortSignal) =>
    client.send(new PutObjectCommand({ ...objectOf(file), ...body }), { abortSignal }),
  )
}

type Body = { readonly Body: Readable; readonly ContentLength: number }

/** Sends a part of a file, from `start` on and without `end`. The SDK does not hear of a file that cannot be read. */
async function withBody<Answer>(
  { path, start, end }: { readonly path: string; readonly start: number; readonly end: number },
  signal: AbortSignal,
  send: (body: Body, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const unread = new AbortController()
  const stream = createReadStream(path, end === 0 ? {} : { start, end: end - 1 })
  stream.once('error', (error) => unread.abort(error))
  try {
    return await send({ Body: stream, ContentLength: end - start }, AbortSignal.any([signal, unread.signal]))
  } catch (error) {
    throw unread.signal.aborted ? unread.signal.reason : error
  } finally {
    stream.destroy()
  }
}

function objectOf({ bucket, key, headers }: Upload) {
  return { Bucket: bucket, Key: key, ContentType: headers.contentType, CacheControl: headers.cacheControl }
}

async function uploadInParts(
  client: S3Client,
  file: Upload,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal },
): Promise<void> {
  // Not to be aborted: that would leave an upload whose id nobody knows.
  const created = await client.send(new CreateMultipartUploadCommand(objectOf(file)), {
    abortSignal: AbortSignal.timeout(SMALL_CALL_TIMEOUT_MS),
  })
  const begun = { Bucket: file.bucket, Key: file.key, UploadId: created.UploadId }
  try {
    const parts = await inParallel(
      partsOf(size),
      (part, partSignal) => sendPart(client, { path: file.path, begun, part }, partSignal),
      { limit: PARALLEL_PARTS, signal },
    )
    await client.send(new CompleteMultipartUploadCommand({ ...begun, MultipartUpload: { Parts: [...parts] } }), {
      abortSignal: signal,
    })
  } catch (error) {
    // Parts of an upload that nobody ends cost money for ever. What fails here is found again by remove().
    await client
      .send(new AbortMultipartUploadCommand(begun), { abortSignal: AbortSignal.timeout(SMALL_CALL_TIMEOUT_MS) })
      .catch(() => undefined)
    throw error
  }
}

function partsOf(size: number): Part[] {
  const length = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB)
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => ({
    number: i + 1,
    start: i * length,
    end: Math.min(size, (i + 1) * length),
  }))
}

type PartOfUpload = {
  readonly path: string
  readonly begun: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined }
  readonly part: Part
}

/** A stream can be read once, so that the SDK does not send it again: each try opens its own. */
async function sendPart(client: S3Client, { path, begun, part }: PartOfUpload, signal: AbortSignal) {
  for (let failures = 1; ; failures++) {
    try {
      const { ETag } = await withBody({ path, ...part }, signal, (body, abortSignal) =>
        client.send(new UploadPartCommand({ ...begun, PartNumber: part.number, ...body }), { abortSignal }),
      )
      return { ETag, PartNumber: part.number }
    } catch (error) {
      if (!s3Failure(error, signal, []).isTransient || failures === PART_TRIES) throw error
      await pause(backoffMs(failures, RETRY), signal)
    }
  }
}
