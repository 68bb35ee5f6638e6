import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The signed parts of a request (AWS Signature Version 4, "Authenticating Requests (Authorization Header)"). */
export type SignedRequest = {
  readonly method: string
  /** Path and query as sent, escaped. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string }

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/

/** Accepted difference between a request's time and the server's. */
const MAX_SKEW_MS = 15 * 60_000

/** Returns the S3 error code for a request that is not correctly signed; `null` for a correct signature. */
export function checkSignature(request: SignedRequest, { accessKeyId, secretAccessKey }: Credentials): string | null {
  const authorization = parseAuthorization(request.headers)
  if (authorization === null || !authorization.names.split(';').includes('host')) return 'AccessDenied'
  const { id, day, region, names, time, payload } = authorization
  if (id !== accessKeyId) return 'InvalidAccessKeyId'
  if (!isCurrent(time) || !time.startsWith(day)) return 'RequestTimeTooSkewed'
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(request.body)) return 'XAmzContentSHA256Mismatch'
  const scope = [day, region, 's3', 'aws4_request']
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonicalRequest(request, names, payload))].join(
    '\n',
  )
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  return hmac(key, toSign).toString('hex') === authorization.signature ? null : 'SignatureDoesNotMatch'
}

/** Parses the signature headers of a request; returns `null` where it is not signed. */
function parseAuthorization(headers: IncomingHttpHeaders) {
  const match = AUTHORIZATION.exec(headers.authorization ?? '')
  if (match === null) return null
  const [, id = '', day = '', region = '', names = '', signature = ''] = match
  const time = headerText(headers['x-amz-date'])
  return { id, day, region, names, signature, time, payload: headerText(headers['x-amz-content-sha256']) }
}

function canonicalRequest({ method, url, headers }: SignedRequest, names: string, payload: string): string {
  const [path = '/', query = ''] = url.split('?', 2)
  const sorted = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .toSorted()
  const lines = names.split(';').map((name) => `${name}:${headerText(headers[name]).trim().replaceAll(/ +/g, ' ')}\n`)
  return [method, path, sorted.join('&'), lines.join(''), names, payload].join('\n')
}

/** Returns whether a time such as `20260131T235959Z` is within the accepted difference. */
function isCurrent(time: string): boolean {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return Math.abs(Date.parse(iso) - Date.now()) < MAX_SKEW_MS
}

function headerText(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
