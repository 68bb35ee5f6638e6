import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'

import { inParallel } from '../in-parallel.ts'
import { createS3Client, type S3Settings, secretsOf } from './s3-client.ts'
import { download } from './s3-download.ts'
import { s3Failure } from './s3-failure.ts'
import { upload } from './s3-upload.ts'
import { byFolder, folderNamesOf, namesOf, type Store, StoreError, throwIfAborted, urlUnder } from './store.ts'

const PARALLEL_REMOVALS = 8

/** A bucket of a server, with the client for it. */
type Bucket = { readonly client: S3Client; readonly name: string }

/** A bucket of Amazon's or of any S3-compatible server. */
export async function openS3Store(settings: S3Settings): Promise<Store> {
  const { bucket: name } = settings
  if (name === null) throw new StoreError('STORE_REFUSED', 'S3_BUCKET is not set')
  const client = createS3Client(settings)
  const bucket = { client, name }
  const secrets = secretsOf(settings)
  const told = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      throwIfAborted(signal)
      return await work()
    } catch (error) {
      throw s3Failure(error, signal, secrets)
    }
  }
  const base = await told(() => baseUrl(settings, bucket), new AbortController().signal)
  return {
    urlOf: (key) => urlUnder(base, key),
    put: (key, path, headers, signal) =>
      told(() => upload(client, { bucket: name, key: checked(key), path, headers }, signal), signal),
    get: (key, path, signal) =>
      told(() => download(client, { bucket: name, key: checked(key), path, maxBytes: Infinity }, signal), signal),
    remove: (keys, signal) => told(() => remove(bucket, keys, signal), signal),
    clear: (folder, signal) =>
      told(async () => {
        folderNamesOf(folder)
        await takeBackUploads(bucket, { prefix: folder, isDoomed: () => true }, signal)
        await removeObjects(bucket, await list(bucket, folder, signal), signal)
      }, signal),
    list: (folder, signal) => told(() => list(bucket, folder, signal), signal),
    [Symbol.asyncDispose]() {
      client.destroy()
      return Promise.resolve()
    },
  }
}

/** A name with dots is no name that Amazon's certificate covers as a host. */
async function baseUrl({ publicUrl, endpoint }: S3Settings, { client, name }: Bucket): Promise<string> {
  if (publicUrl !== null) return publicUrl
  if (endpoint !== null) return urlUnder(endpoint, name)
  const host = `s3.${await client.config.region()}.amazonaws.com`
  return name.includes('.') ? `https://${host}/${name}` : `https://${name}.${host}`
}

function checked(key: string): string {
  namesOf(key)
  return key
}

async function remove(bucket: Bucket, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const doomed = new Set(keys)
  for (const [prefix, names] of byFolder(keys)) {
    // One call for all that share a folder; of a single one, only what begins like it is asked for.
    const [only = ''] = names
    const start = names.length === 1 ? prefix + only : prefix
    await takeBackUploads(bucket, { prefix: start, isDoomed: (key) => doomed.has(key) }, signal)
  }
  await removeObjects(bucket, keys, signal)
}

/** One by one: DeleteObjects wants a checksum that differs from server to server, and some do not have it at all. */
async function removeObjects({ client, name }: Bucket, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const removeOne = (Key: string, abortSignal: AbortSignal) =>
    client.send(new DeleteObjectCommand({ Bucket: name, Key }), { abortSignal })
  await inParallel(keys, removeOne, { limit: PARALLEL_REMOVALS, signal })
}

async function list({ client, name }: Bucket, folder: string, signal: AbortSignal): Promise<string[]> {
  folderNamesOf(folder)
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

type Uploads = { readonly prefix: string; readonly isDoomed: (key: string) => boolean }

/** Aborts the multipart uploads that a killed worker has left open. */
async function takeBackUploads({ client, name }: Bucket, uploads: Uploads, signal: AbortSignal): Promise<void> {
  let next: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | null = {
    KeyMarker: undefined,
    UploadIdMarker: undefined,
  }
  while (next !== null) {
    const page = await listUploads(client, { Bucket: name, Prefix: uploads.prefix, ...next }, signal)
    const doomed = (page.Uploads ?? []).filter(({ Key }) => Key !== undefined && uploads.isDoomed(Key))
    for (const { Key, UploadId } of doomed) {
      const command = new AbortMultipartUploadCommand({ Bucket: name, Key, UploadId })
      await client.send(command, { abortSignal: signal }).catch(unlessGone)
    }
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page
    next = page.IsTruncated === true ? { KeyMarker, UploadIdMarker } : null
  }
}

type UploadsAsked = ConstructorParameters<typeof ListMultipartUploadsCommand>[0]

/** A server that does not know the call, or an account that may not make it, is taken to have none. */
async function listUploads(
  client: S3Client,
  asked: UploadsAsked,
  signal: AbortSignal,
): Promise<ListMultipartUploadsCommandOutput> {
  try {
    return await client.send(new ListMultipartUploadsCommand(asked), { abortSignal: signal })
  } catch (error) {
    if (error instanceof Error && ['NotImplemented', 'AccessDenied'].includes(error.name)) return { $metadata: {} }
    throw error
  }
}

function unlessGone(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'NoSuchUpload') throw error
}
