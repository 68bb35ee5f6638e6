import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
  type StorageClass,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'

import { mapInParallel } from '../platform/map-in-parallel.ts'

/** The objects of a folder, and the class that they move to. */
export type ClassChange = {
  readonly bucket: string
  readonly folder: string
  readonly storageClass: StorageClass
  /** Larger objects are copied in parts of this size; S3 copies at most 5 GiB in one call. */
  readonly maxCopyBytes: number
}

/** Colder classes bill smaller objects as if they had this size. */
const SMALLEST_BYTES = 128 * 1024
const PARALLEL_COPIES = 8
const CONTROL_CALL_TIMEOUT_MS = 10_000

type ListedObject = { readonly key: string; readonly bytes: number }

/**
 * Moves the objects of a folder to another class, each by a copy onto itself, which keeps its headers. Objects that are there
 * already, and small ones, stay as they are.
 * @throws the SDK's errors
 */
export async function changeClass(client: S3Client, change: ClassChange, signal: AbortSignal): Promise<void> {
  const move = (object: ListedObject, abortSignal: AbortSignal) => moveObject(client, change, object, abortSignal)
  await mapInParallel(await listOthers(client, change, signal), move, { limit: PARALLEL_COPIES, signal })
}

/** Returns the objects that are worth moving and not yet of the class. */
async function listOthers(
  client: S3Client,
  { bucket, folder, storageClass }: ClassChange,
  abortSignal: AbortSignal,
): Promise<ListedObject[]> {
  const others: ListedObject[] = []
  let token: string | undefined
  do {
    const input = { Bucket: bucket, Prefix: folder, ContinuationToken: token }
    const page = await client.send(new ListObjectsV2Command(input), { abortSignal })
    for (const { Key: key, Size: bytes = 0, StorageClass: current } of page.Contents ?? []) {
      if (key !== undefined && bytes >= SMALLEST_BYTES && current !== storageClass) others.push({ key, bytes })
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
  return others
}

async function moveObject(
  client: S3Client,
  change: ClassChange,
  object: ListedObject,
  abortSignal: AbortSignal,
): Promise<void> {
  const { bucket: Bucket, storageClass: StorageClass, maxCopyBytes } = change
  if (object.bytes > maxCopyBytes) return moveInParts(client, change, object, abortSignal)
  const input = { Bucket, Key: object.key, CopySource: sourceOf(change, object), StorageClass }
  await client.send(new CopyObjectCommand({ ...input, MetadataDirective: 'COPY' }), { abortSignal })
}

function sourceOf({ bucket }: ClassChange, { key }: ListedObject): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** Copies a large object part by part. Its headers are set again, since a multipart upload takes none over. */
async function moveInParts(
  client: S3Client,
  change: ClassChange,
  object: ListedObject,
  abortSignal: AbortSignal,
): Promise<void> {
  const target = { Bucket: change.bucket, Key: object.key }
  const { ContentType, CacheControl } = await client.send(new HeadObjectCommand(target), { abortSignal })
  const created = await client.send(
    new CreateMultipartUploadCommand({ ...target, ContentType, CacheControl, StorageClass: change.storageClass }),
    { abortSignal },
  )
  const upload = { ...target, UploadId: created.UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (let start = 0; start < object.bytes; start += change.maxCopyBytes) {
      const end = Math.min(start + change.maxCopyBytes, object.bytes) - 1
      const PartNumber = Parts.length + 1
      const part = { PartNumber, CopySource: sourceOf(change, object), CopySourceRange: `bytes=${start}-${end}` }
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...upload, ...part }), { abortSignal })
      Parts.push({ PartNumber, ETag: CopyPartResult?.ETag })
    }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }), { abortSignal })
  } catch (error) {
    await client
      .send(new AbortMultipartUploadCommand(upload), { abortSignal: AbortSignal.timeout(CONTROL_CALL_TIMEOUT_MS) })
      .catch(() => undefined)
    throw error
  }
}
