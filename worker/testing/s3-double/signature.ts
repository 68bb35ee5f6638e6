import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** What a signature covers (AWS Signature Version 4, "Authenticating Requests (Authorization Header)"). */
export type SignedRequest = {
  readonly method: string
  /** As it was sent: path and query, still escaped. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string }

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/

/** A request's time may differ so much from the server's. */
const MAX_SKEW_MS = 15 * 60_000

/** Why a request is refused, in S3's word for it; `null`: it is signed as it should be. */
export function signatureProblem(request: SignedRequest, { accessKeyId, secretAccessKey }: Credentials): string | null {
  const claim = readClaim(request.headers)
  if (claim === null || !claim.names.split(';').includes('host')) return 'AccessDenied'
  const { id, day, region, names, time, payload } = claim
  if (id !== accessKeyId) return 'InvalidAccessKeyId'
  if (!isNow(time) || !time.startsWith(day)) return 'RequestTimeTooSkewed'
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(request.body)) return 'XAmzContentSHA256Mismatch'
  const scope = [day, region, 's3', 'aws4_request']
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical(request, names, payload))].join('\n')
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  return hmac(key, toSign).toString('hex') === claim.signature ? null : 'SignatureDoesNotMatch'
}

/** What a request says of its signature; `null`: it has none. */
function readClaim(headers: IncomingHttpHeaders) {
  const match = FORM.exec(headers.authorization ?? '')
  if (match === null) return null
  const [, id = '', day = '', region = '', names = '', signature = ''] = match
  const time = textOf(headers['x-amz-date'])
  return { id, day, region, names, signature, time, payload: textOf(headers['x-amz-content-sha256']) }
}

function canonical({ method, url, headers }: SignedRequest, names: string, payload: string): string {
  const [path = '/', query = ''] = url.split('?', 2)
  const sorted = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .toSorted()
  const lines = names.split(';').map((name) => `${name}:${textOf(headers[name]).trim().replaceAll(/ +/g, ' ')}\n`)
  return [method, path, sorted.join('&'), lines.join(''), names, payload].join('\n')
}

/** `20260131T235959Z`. */
function isNow(time: string): boolean {
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return Math.abs(Date.parse(iso) - Date.now()) < MAX_SKEW_MS
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.join(',') ?? '')
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
