import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'

import { mapInParallel } from '../platform/map-in-parallel.ts'
import { groupByFolder, joinUrl, parseFolder, parseKey } from './keys.ts'
import { changeClass } from './s3-class.ts'
import { createS3Client, listSecrets, type S3Settings } from './s3-client.ts'
import { downloadObject } from './s3-download.ts'
import { toStoreError } from './s3-error.ts'
import { uploadObject } from './s3-upload.ts'
import { type Store, StoreError, throwIfAborted } from './store.ts'

const PARALLEL_REMOVALS = 8
/** What S3 copies in one call. */
const MAX_COPY_BYTES = 5 * 1024 ** 3

/** A bucket, and a client for its server. */
type S3Bucket = { readonly client: S3Client; readonly name: string }

/**
 * Opens a store in a bucket of Amazon S3 or of an S3-compatible server.
 * @throws StoreError `STORE_REFUSED` where a setting is missing
 */
export async function openS3Store(settings: S3Settings): Promise<Store> {
  const { bucket: name } = settings
  if (name === null) throw new StoreError('STORE_REFUSED', 'S3_BUCKET is not set')
  const client = createS3Client(settings)
  const bucket = { client, name }
  const secrets = listSecrets(settings)
  const withStoreErrors = async <Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> => {
    try {
      throwIfAborted(signal)
      return await call()
    } catch (error) {
      throw toStoreError(error, signal, secrets)
    }
  }
  const base = await withStoreErrors(() => findBaseUrl(settings, bucket), new AbortController().signal)
  return {
    urlOf: (key) => joinUrl(base, key),
    put: (key, path, headers, signal) =>
      withStoreErrors(
        () => uploadObject(client, { bucket: name, key: validateKey(key), path, headers }, signal),
        signal,
      ),
    get: (key, path, signal) =>
      withStoreErrors(
        () => downloadObject(client, { bucket: name, key: validateKey(key), path, maxBytes: Infinity }, signal),
        signal,
      ),
    remove: (keys, signal) => withStoreErrors(() => remove(bucket, keys, signal), signal),
    removeFolder: (folder, signal) =>
      withStoreErrors(async () => {
        parseFolder(folder)
        await abortUploads(bucket, { prefix: folder, matches: () => true }, signal)
        await removeObjects(bucket, await list(bucket, folder, signal), signal)
      }, signal),
    list: (folder, signal) => withStoreErrors(() => list(bucket, folder, signal), signal),
    changeClass: (folder, storageClass, signal) =>
      withStoreErrors(async () => {
        parseFolder(folder)
        await changeClass(client, { bucket: name, folder, storageClass, maxCopyBytes: MAX_COPY_BYTES }, signal)
      }, signal),
    [Symbol.asyncDispose]() {
      client.destroy()
      return Promise.resolve()
    },
  }
}

/** Returns the bucket's base URL. Amazon's certificate covers no host with dots in the bucket's name. */
async function findBaseUrl({ publicUrl, endpoint }: S3Settings, { client, name }: S3Bucket): Promise<string> {
  if (publicUrl !== null) return publicUrl
  if (endpoint !== null) return joinUrl(endpoint, name)
  const host = `s3.${await client.config.region()}.amazonaws.com`
  return name.includes('.') ? `https://${host}/${name}` : `https://${name}.${host}`
}

function validateKey(key: string): string {
  parseKey(key)
  return key
}

async function remove(bucket: S3Bucket, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const removed = new Set(keys)
  for (const [folder, names] of groupByFolder(keys)) {
    // One listing for all keys of a folder; for a single key, the listing is limited to names that begin with it.
    const [only = ''] = names
    const prefix = names.length === 1 ? folder + only : folder
    await abortUploads(bucket, { prefix, matches: (key) => removed.has(key) }, signal)
  }
  await removeObjects(bucket, keys, signal)
}

/** Removes objects one by one: not every server has DeleteObjects, and its required checksum differs between servers. */
async function removeObjects({ client, name }: S3Bucket, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const removeObject = (Key: string, abortSignal: AbortSignal) =>
    client.send(new DeleteObjectCommand({ Bucket: name, Key }), { abortSignal })
  await mapInParallel(keys, removeObject, { limit: PARALLEL_REMOVALS, signal })
}

async function list({ client, name }: S3Bucket, folder: string, signal: AbortSignal): Promise<string[]> {
  parseFolder(folder)
  const keys: string[] = []
  let token: string | undefined
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: name, Prefix: folder, ContinuationToken: token }),
      { abortSignal: signal },
    )
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])))
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
  return keys
}

type UploadSelection = { readonly prefix: string; readonly matches: (key: string) => boolean }

/** Aborts the multipart uploads that a killed worker has left open. */
async function abortUploads(
  { client, name }: S3Bucket,
  { prefix, matches }: UploadSelection,
  signal: AbortSignal,
): Promise<void> {
  let cursor: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | null = {
    KeyMarker: undefined,
    UploadIdMarker: undefined,
  }
  while (cursor !== null) {
    const page = await listUploads(client, { Bucket: name, Prefix: prefix, ...cursor }, signal)
    const selected = (page.Uploads ?? []).filter(({ Key }) => Key !== undefined && matches(Key))
    for (const { Key, UploadId } of selected) {
      const command = new AbortMultipartUploadCommand({ Bucket: name, Key, UploadId })
      await client.send(command, { abortSignal: signal }).catch(ignoreMissingUpload)
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    cursor = page.IsTruncated === true ? { KeyMarker, UploadIdMarker } : null
  }
}

/** Returns a page of open uploads; an empty one where the server or the account does not support the call. */
async function listUploads(
  client: S3Client,
  input: ListMultipartUploadsCommandInput,
  signal: AbortSignal,
): Promise<ListMultipartUploadsCommandOutput> {
  try {
    return await client.send(new ListMultipartUploadsCommand(input), { abortSignal: signal })
  } catch (error) {
    if (error instanceof Error && ['NotImplemented', 'AccessDenied'].includes(error.name)) return { $metadata: {} }
    throw error
  }
}

function ignoreMissingUpload(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'NoSuchUpload') throw error
}
