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

import { computeBackoffMs } from '../platform/backoff.ts'
import { mapInParallel } from '../platform/map-in-parallel.ts'
import { sleep } from '../platform/wake-signal.ts'
import { toStoreError } from './s3-error.ts'
import type { FileHeaders } from './store.ts'

const MIB = 1024 * 1024

/** Larger files are uploaded in parts. */
const MULTIPART_BYTES = 16 * MIB
const PART_BYTES = 8 * MIB
/** S3's limit for one upload. */
const MAX_PARTS = 10_000
const PARALLEL_PARTS = 4

const MAX_PART_ATTEMPTS = 3
const BACKOFF = { firstMs: 200, maxMs: 2000 }

/** Limit for the calls that start and abort a multipart upload; the caller's signal does not end them. */
const CONTROL_CALL_TIMEOUT_MS = 10_000

export type S3Upload = {
  readonly bucket: string
  readonly key: string
  readonly path: string
  readonly headers: FileHeaders
}

/** A byte range of a file; `end` is exclusive. */
type UploadPart = { readonly number: number; readonly start: number; readonly end: number }

/**
 * Uploads a file, a large one in parts.
 * @throws the SDK's errors; no object is visible then
 */
export async function uploadObject(client: S3Client, upload: S3Upload, signal: AbortSignal): Promise<void> {
  const { size } = await stat(upload.path)
  if (size > MULTIPART_BYTES) return uploadInParts(client, upload, { size, signal })
  await withBody({ path: upload.path, start: 0, end: size }, signal, (body, abortSignal) =>
    client.send(new PutObjectCommand({ ...objectParameters(upload), ...body }), { abortSignal }),
  )
}

type RequestBody = { readonly Body: Readable; readonly ContentLength: number }

/** Sends a byte range of a file. The SDK does not notice a file that cannot be read, so a read error aborts the call. */
async function withBody<Output>(
  { path, start, end }: { readonly path: string; readonly start: number; readonly end: number },
  signal: AbortSignal,
  send: (body: RequestBody, signal: AbortSignal) => Promise<Output>,
): Promise<Output> {
  const readError = new AbortController()
  const stream = createReadStream(path, end === 0 ? {} : { start, end: end - 1 })
  stream.once('error', (error) => readError.abort(error))
  try {
    return await send({ Body: stream, ContentLength: end - start }, AbortSignal.any([signal, readError.signal]))
  } catch (error) {
    throw readError.signal.aborted ? readError.signal.reason : error
  } finally {
    stream.destroy()
  }
}

function objectParameters({ bucket, key, headers }: S3Upload) {
  const { contentType, cacheControl, contentDisposition } = headers
  return {
    Bucket: bucket,
    Key: key,
    ContentType: contentType,
    CacheControl: cacheControl,
    ...(contentDisposition === undefined ? {} : { ContentDisposition: contentDisposition }),
  }
}

async function uploadInParts(
  client: S3Client,
  upload: S3Upload,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal },
): Promise<void> {
  // An aborted call could leave an upload whose id is unknown.
  const created = await client.send(new CreateMultipartUploadCommand(objectParameters(upload)), {
    abortSignal: AbortSignal.timeout(CONTROL_CALL_TIMEOUT_MS),
  })
  const multipart = { Bucket: upload.bucket, Key: upload.key, UploadId: created.UploadId }
  try {
    const parts = await mapInParallel(
      divideIntoParts(size),
      (part, partSignal) => uploadPart(client, { path: upload.path, multipart, part }, partSignal),
      { limit: PARALLEL_PARTS, signal },
    )
    await client.send(new CompleteMultipartUploadCommand({ ...multipart, MultipartUpload: { Parts: [...parts] } }), {
      abortSignal: signal,
    })
  } catch (error) {
    // An upload that is never aborted costs money forever. Where this call fails, a later remove() finds the upload.
    await client
      .send(new AbortMultipartUploadCommand(multipart), { abortSignal: AbortSignal.timeout(CONTROL_CALL_TIMEOUT_MS) })
      .catch(() => undefined)
    throw error
  }
}

function divideIntoParts(size: number): UploadPart[] {
  const length = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB)
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => ({
    number: i + 1,
    start: i * length,
    end: Math.min(size, (i + 1) * length),
  }))
}

type PartRequest = {
  readonly path: string
  readonly multipart: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined }
  readonly part: UploadPart
}

/** Uploads one part, up to three times: the SDK does not send a stream again, so each attempt opens its own. */
async function uploadPart(client: S3Client, { path, multipart, part }: PartRequest, signal: AbortSignal) {
  for (let failures = 1; ; failures++) {
    try {
      const { ETag } = await withBody({ path, ...part }, signal, (body, abortSignal) =>
        client.send(new UploadPartCommand({ ...multipart, PartNumber: part.number, ...body }), { abortSignal }),
      )
      return { ETag, PartNumber: part.number }
    } catch (error) {
      if (!toStoreError(error, signal, []).isTransient || failures === MAX_PART_ATTEMPTS) throw error
      await sleep(computeBackoffMs(failures, BACKOFF), signal)
    }
  }
}
