import { createHash } from 'node:crypto'

import { errorAnswer, type S3Answer, xmlElement, xmlAnswer } from './answer.ts'

export type StoredObject = {
  readonly bytes: Buffer
  readonly contentType: string
  readonly cacheControl: string
  readonly contentDisposition?: string
  readonly storageClass: string
  readonly etag: string
}

export type OpenUpload = {
  readonly id: string
  readonly key: string
  readonly headers: Omit<StoredObject, 'bytes' | 'etag'>
  readonly parts: Map<number, Buffer>
}

/** State of the double: objects, and multipart uploads that were neither completed nor aborted. */
export type Bucket = { readonly objects: Map<string, StoredObject>; readonly uploads: Map<string, OpenUpload> }

/** A parsed call of the S3 API. */
export type S3Request = {
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

/** Keys per page of a listing; S3 has 1000. */
const PAGE_KEYS = 30

/** Minimum size of all parts but the last, as in S3. */
const MIN_PART_BYTES = 5 * 1024 * 1024

type S3Operation = (bucket: Bucket, request: S3Request) => S3Answer

/** The supported operations, by S3's names. */
export const OPERATIONS: ReadonlyMap<string, S3Operation> = new Map<string, S3Operation>([
  ['PutObject', putObject],
  ['CopyObject', copyObject],
  ['GetObject', getObject],
  ['HeadObject', getObject],
  ['DeleteObject', deleteObject],
  ['ListObjectsV2', listObjects],
  ['CreateMultipartUpload', createUpload],
  ['UploadPart', uploadPart],
  ['UploadPartCopy', copyPart],
  ['CompleteMultipartUpload', completeUpload],
  ['AbortMultipartUpload', abortUpload],
  ['ListMultipartUploads', listUploads],
])

function putObject({ objects }: Bucket, { key, headers, body }: S3Request): S3Answer {
  const etag = quote(md5(body))
  objects.set(key, { ...objectMetadata(headers), bytes: body, etag })
  return { status: 200, headers: { etag } }
}

function getObject({ objects }: Bucket, { key, headers }: S3Request): S3Answer {
  const object = objects.get(key)
  if (object === undefined) return errorAnswer('NoSuchKey')
  if (headers['if-match'] !== undefined && headers['if-match'] !== object.etag) return errorAnswer('PreconditionFailed')
  const objectHeaders = {
    'content-type': object.contentType,
    'cache-control': object.cacheControl,
    etag: object.etag,
    'accept-ranges': 'bytes',
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers['range'] ?? '') ?? []
  if (from === undefined) return { status: 200, headers: objectHeaders, body: object.bytes }
  const size = object.bytes.length
  const start = Number(from)
  const end = Math.min(to ? Number(to) + 1 : size, size)
  if (start >= size) return errorAnswer('InvalidRange')
  const range = { 'content-range': `bytes ${start}-${end - 1}/${size}` }
  return { status: 206, headers: { ...objectHeaders, ...range }, body: object.bytes.subarray(start, end) }
}

function deleteObject({ objects }: Bucket, { key }: S3Request): S3Answer {
  objects.delete(key)
  return { status: 204 }
}

function listObjects({ objects }: Bucket, { query }: S3Request): S3Answer {
  const after = query.get('continuation-token') ?? ''
  const keys = [...objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '')).toSorted(compareBytes)
  const rest = keys.filter((key) => after === '' || compareBytes(key, after) > 0)
  const page = rest.slice(0, PAGE_KEYS)
  const isTruncated = rest.length > page.length
  const next = isTruncated ? xmlElement('NextContinuationToken', page.at(-1) ?? '') : ''
  const contents = page.map(
    (key) => `<Contents>${xmlElement('Key', key)}${describeObject(objects.get(key))}</Contents>`,
  )
  const body = `${xmlElement('KeyCount', page.length)}${xmlElement('IsTruncated', isTruncated)}${next}${contents.join('')}`
  return xmlAnswer(`<ListBucketResult>${body}</ListBucketResult>`)
}

function describeObject(object: StoredObject | undefined): string {
  return `${xmlElement('Size', object?.bytes.length ?? 0)}${xmlElement('StorageClass', object?.storageClass ?? '')}`
}

/** Copies an object onto another one or itself, with its headers; the class is that of the request. */
function copyObject({ objects }: Bucket, { key, headers }: S3Request): S3Answer {
  const source = findSource(objects, headers)
  if (source === undefined) return errorAnswer('NoSuchKey')
  const { storageClass } = objectMetadata(headers)
  if (objects.get(key) === source && source.storageClass === storageClass) return errorAnswer('InvalidRequest')
  objects.set(key, { ...source, storageClass })
  return xmlAnswer(`<CopyObjectResult>${xmlElement('ETag', source.etag)}</CopyObjectResult>`)
}

function copyPart(bucket: Bucket, request: S3Request): S3Answer {
  const source = findSource(bucket.objects, request.headers)
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers['x-amz-copy-source-range'] ?? '') ?? []
  if (source === undefined || from === undefined) return errorAnswer('InvalidArgument')
  const body = source.bytes.subarray(Number(from), Number(to) + 1)
  const answer = uploadPart(bucket, { ...request, body })
  return answer.status === 200
    ? xmlAnswer(`<CopyPartResult>${xmlElement('ETag', quote(md5(body)))}</CopyPartResult>`)
    : answer
}

function findSource(objects: Bucket['objects'], headers: S3Request['headers']): StoredObject | undefined {
  const [, ...names] = (headers['x-amz-copy-source'] ?? '').split('/')
  return objects.get(names.map(decodeURIComponent).join('/'))
}

function createUpload({ uploads }: Bucket, { key, headers }: S3Request): S3Answer {
  const id = `upload-${uploads.size}-${md5(Buffer.from(`${key}${Math.random()}`))}`
  uploads.set(id, { id, key, headers: objectMetadata(headers), parts: new Map() })
  const body = `${xmlElement('Key', key)}${xmlElement('UploadId', id)}`
  return xmlAnswer(`<InitiateMultipartUploadResult>${body}</InitiateMultipartUploadResult>`)
}

function uploadPart(bucket: Bucket, request: S3Request): S3Answer {
  const upload = findUpload(bucket, request)
  const number = Number(request.query.get('partNumber'))
  if (upload === undefined) return errorAnswer('NoSuchUpload')
  if (!Number.isInteger(number) || number < 1 || number > 10_000) return errorAnswer('InvalidArgument')
  upload.parts.set(number, request.body)
  return { status: 200, headers: { etag: quote(md5(request.body)) } }
}

function completeUpload(bucket: Bucket, request: S3Request): S3Answer {
  const upload = findUpload(bucket, request)
  if (upload === undefined) return errorAnswer('NoSuchUpload')
  const listed = [...request.body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    etag: /<ETag>(?:"|&quot;)?([0-9a-f]+)/.exec(part)?.[1],
  }))
  const parts = listed.map(({ number }) => upload.parts.get(number) ?? Buffer.alloc(0))
  const isValid = listed.every(({ etag }, i) => etag === md5(parts[i] ?? Buffer.alloc(0)))
  if (listed.length === 0 || !isValid) return errorAnswer('InvalidPart')
  if (listed.some(({ number }, i) => i > 0 && number <= (listed[i - 1]?.number ?? 0)))
    return errorAnswer('InvalidPartOrder')
  if (parts.slice(0, -1).some(({ length }) => length < MIN_PART_BYTES)) return errorAnswer('EntityTooSmall')
  const etag = quote(`${md5(Buffer.concat(parts.map((part) => Buffer.from(md5(part), 'hex'))))}-${parts.length}`)
  bucket.objects.set(upload.key, { ...upload.headers, bytes: Buffer.concat(parts), etag })
  bucket.uploads.delete(upload.id)
  const body = `${xmlElement('Key', upload.key)}${xmlElement('ETag', etag)}`
  return xmlAnswer(`<CompleteMultipartUploadResult>${body}</CompleteMultipartUploadResult>`)
}

function abortUpload(bucket: Bucket, request: S3Request): S3Answer {
  const upload = findUpload(bucket, request)
  if (upload === undefined) return errorAnswer('NoSuchUpload')
  bucket.uploads.delete(upload.id)
  return { status: 204 }
}

function listUploads({ uploads }: Bucket, { query }: S3Request): S3Answer {
  const found = [...uploads.values()].filter(({ key }) => key.startsWith(query.get('prefix') ?? ''))
  const entries = found.map(({ key, id }) => `<Upload>${xmlElement('Key', key)}${xmlElement('UploadId', id)}</Upload>`)
  const body = `${xmlElement('IsTruncated', false)}${entries.join('')}`
  return xmlAnswer(`<ListMultipartUploadsResult>${body}</ListMultipartUploadsResult>`)
}

function findUpload({ uploads }: Bucket, { key, query }: S3Request): OpenUpload | undefined {
  const upload = uploads.get(query.get('uploadId') ?? '')
  return upload?.key === key ? upload : undefined
}

function objectMetadata(headers: S3Request['headers']) {
  const { 'content-disposition': contentDisposition } = headers
  return {
    ...(contentDisposition === undefined ? {} : { contentDisposition }),
    contentType: headers['content-type'] ?? 'binary/octet-stream',
    cacheControl: headers['cache-control'] ?? '',
    storageClass: headers['x-amz-storage-class'] ?? 'STANDARD',
  }
}

/** Compares keys in the order of S3's listings: by their UTF-8 bytes. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function quote(text: string): string {
  return `"${text}"`
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}
