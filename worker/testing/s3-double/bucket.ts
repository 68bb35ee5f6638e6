import { createHash } from 'node:crypto'

import { refusal, type S3Answer, tag, xml } from './answer.ts'

export type StoredObject = {
  readonly bytes: Buffer
  readonly contentType: string
  readonly cacheControl: string
  readonly etag: string
}

export type OpenUpload = {
  readonly id: string
  readonly key: string
  readonly headers: Pick<StoredObject, 'contentType' | 'cacheControl'>
  readonly parts: Map<number, Buffer>
}

/** What the double holds: objects, and uploads that have begun and not ended. */
export type Bucket = { readonly objects: Map<string, StoredObject>; readonly uploads: Map<string, OpenUpload> }

/** A call of the S3 API, as far as it says what to do. */
export type S3Request = {
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

/** Keys on one page of a list; S3 has a thousand. */
const PAGE_KEYS = 30

/** S3's own limit: only the last part may be smaller. */
const MIN_PART_BYTES = 5 * 1024 * 1024

type Operation = (bucket: Bucket, request: S3Request) => S3Answer

/** The calls that the double knows, by S3's names. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['PutObject', putObject],
  ['GetObject', getObject],
  ['HeadObject', getObject],
  ['DeleteObject', deleteObject],
  ['ListObjectsV2', listObjects],
  ['CreateMultipartUpload', createUpload],
  ['UploadPart', uploadPart],
  ['CompleteMultipartUpload', completeUpload],
  ['AbortMultipartUpload', abortUpload],
  ['ListMultipartUploads', listUploads],
])

function putObject({ objects }: Bucket, { key, headers, body }: S3Request): S3Answer {
  const etag = quoted(md5(body))
  objects.set(key, { ...storedHeaders(headers), bytes: body, etag })
  return { status: 200, headers: { etag } }
}

function getObject({ objects }: Bucket, { key, headers }: S3Request): S3Answer {
  const object = objects.get(key)
  if (object === undefined) return refusal('NoSuchKey')
  if (headers['if-match'] !== undefined && headers['if-match'] !== object.etag) return refusal('PreconditionFailed')
  const told = {
    'content-type': object.contentType,
    'cache-control': object.cacheControl,
    etag: object.etag,
    'accept-ranges': 'bytes',
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers['range'] ?? '') ?? []
  if (from === undefined) return { status: 200, headers: told, body: object.bytes }
  const size = object.bytes.length
  const start = Number(from)
  const end = Math.min(to ? Number(to) + 1 : size, size)
  if (start >= size) return refusal('InvalidRange')
  const range = { 'content-range': `bytes ${start}-${end - 1}/${size}` }
  return { status: 206, headers: { ...told, ...range }, body: object.bytes.subarray(start, end) }
}

function deleteObject({ objects }: Bucket, { key }: S3Request): S3Answer {
  objects.delete(key)
  return { status: 204 }
}

function listObjects({ objects }: Bucket, { query }: S3Request): S3Answer {
  const after = query.get('continuation-token') ?? ''
  const keys = [...objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '')).toSorted(byBytes)
  const rest = keys.filter((key) => after === '' || byBytes(key, after) > 0)
  const page = rest.slice(0, PAGE_KEYS)
  const isTruncated = rest.length > page.length
  const next = isTruncated ? tag('NextContinuationToken', page.at(-1) ?? '') : ''
  const contents = page.map(
    (key) => `<Contents>${tag('Key', key)}${tag('Size', objects.get(key)?.bytes.length ?? 0)}</Contents>`,
  )
  const body = `${tag('KeyCount', page.length)}${tag('IsTruncated', isTruncated)}${next}${contents.join('')}`
  return xml(`<ListBucketResult>${body}</ListBucketResult>`)
}

function createUpload({ uploads }: Bucket, { key, headers }: S3Request): S3Answer {
  const id = `upload-${uploads.size}-${md5(Buffer.from(`${key}${Math.random()}`))}`
  uploads.set(id, { id, key, headers: storedHeaders(headers), parts: new Map() })
  const body = `${tag('Key', key)}${tag('UploadId', id)}`
  return xml(`<InitiateMultipartUploadResult>${body}</InitiateMultipartUploadResult>`)
}

function uploadPart(bucket: Bucket, request: S3Request): S3Answer {
  const upload = uploadOf(bucket, request)
  const number = Number(request.query.get('partNumber'))
  if (upload === undefined) return refusal('NoSuchUpload')
  if (!Number.isInteger(number) || number < 1 || number > 10_000) return refusal('InvalidArgument')
  upload.parts.set(number, request.body)
  return { status: 200, headers: { etag: quoted(md5(request.body)) } }
}

function completeUpload(bucket: Bucket, request: S3Request): S3Answer {
  const upload = uploadOf(bucket, request)
  if (upload === undefined) return refusal('NoSuchUpload')
  const named = [...request.body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    etag: /<ETag>(?:"|&quot;)?([0-9a-f]+)/.exec(part)?.[1],
  }))
  const parts = named.map(({ number }) => upload.parts.get(number) ?? Buffer.alloc(0))
  const isTrue = named.every(({ etag }, i) => etag === md5(parts[i] ?? Buffer.alloc(0)))
  if (named.length === 0 || !isTrue) return refusal('InvalidPart')
  if (named.some(({ number }, i) => i > 0 && number <= (named[i - 1]?.number ?? 0))) return refusal('InvalidPartOrder')
  if (parts.slice(0, -1).some(({ length }) => length < MIN_PART_BYTES)) return refusal('EntityTooSmall')
  const etag = quoted(`${md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex'))))}-${parts.length}`)
  bucket.objects.set(upload.key, { ...upload.headers, bytes: Buffer.concat(parts), etag })
  bucket.uploads.delete(upload.id)
  const body = `${tag('Key', upload.key)}${tag('ETag', etag)}`
  return xml(`<CompleteMultipartUploadResult>${body}</CompleteMultipartUploadResult>`)
}

function abortUpload(bucket: Bucket, request: S3Request): S3Answer {
  const upload = uploadOf(bucket, request)
  if (upload === undefined) return refusal('NoSuchUpload')
  bucket.uploads.delete(upload.id)
  return { status: 204 }
}

function listUploads({ uploads }: Bucket, { query }: S3Request): S3Answer {
  const found = [...uploads.values()].filter(({ key }) => key.startsWith(query.get('prefix') ?? ''))
  const entries = found.map(({ key, id }) => `<Upload>${tag('Key', key)}${tag('UploadId', id)}</Upload>`)
  const body = `${tag('IsTruncated', false)}${entries.join('')}`
  return xml(`<ListMultipartUploadsResult>${body}</ListMultipartUploadsResult>`)
}

function uploadOf({ uploads }: Bucket, { key, query }: S3Request): OpenUpload | undefined {
  const upload = uploads.get(query.get('uploadId') ?? '')
  return upload?.key === key ? upload : undefined
}

function storedHeaders(headers: S3Request['headers']) {
  return {
    contentType: headers['content-type'] ?? 'binary/octet-stream',
    cacheControl: headers['cache-control'] ?? '',
  }
}

/** The order of lists is that of UTF-8. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function quoted(text: string): string {
  return `"${text}"`
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}
