import type { IncomingMessage } from 'node:http'

import type { S3Request } from './bucket.ts'

/** A request without its body. */
export type ParsedRequest = Omit<S3Request, 'body'> & {
  readonly bucket: string
  /** S3's name of the operation; for an unsupported one, its method, its target and its query flags. */
  readonly operation: string
}

/** Parses a path-style request. */
export function parseRequest({ method = '', url = '/', headers }: IncomingMessage): ParsedRequest {
  const [path = '', search = ''] = url.split('?', 2)
  const [, bucket = '', ...names] = path.split('/')
  const key = names.map(decodeURIComponent).join('/')
  const query = new URLSearchParams(search)
  const flags = ['uploads', 'uploadId', 'partNumber', 'list-type'].filter((name) => query.has(name))
  const copy = headers['x-amz-copy-source'] === undefined ? [] : ['copy']
  const form = [method, key === '' ? 'bucket' : 'object', ...flags, ...copy].join(' ')
  const plain = Object.entries(headers).map(([name, value]) => [name, String(value)])
  return { bucket, key, query, headers: Object.fromEntries(plain), operation: OPERATION_NAMES.get(form) ?? form }
}

const OPERATION_NAMES: ReadonlyMap<string, string> = new Map([
  ['PUT object', 'PutObject'],
  ['PUT object copy', 'CopyObject'],
  ['GET object', 'GetObject'],
  ['HEAD object', 'HeadObject'],
  ['DELETE object', 'DeleteObject'],
  ['GET bucket list-type', 'ListObjectsV2'],
  ['GET bucket uploads', 'ListMultipartUploads'],
  ['POST object uploads', 'CreateMultipartUpload'],
  ['PUT object uploadId partNumber', 'UploadPart'],
  ['PUT object uploadId partNumber copy', 'UploadPartCopy'],
  ['POST object uploadId', 'CompleteMultipartUpload'],
  ['DELETE object uploadId', 'AbortMultipartUpload'],
])
