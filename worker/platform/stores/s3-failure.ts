import { StoreError, type StoreErrorCode } from './store.ts'

/** What the SDK's errors tell, whatever they are made of. */
type Told = {
  readonly name: string
  /** Node's, of trouble on this side of the line. */
  readonly code: string
  readonly message: string
  readonly status: number | null
}

/** An answer that may be another one the next time, although its status blames the request. */
const PASSING = new Set([
  'BadDigest',
  'IncompleteBody',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'OperationAborted',
  // Another one has ended the upload: the next try begins a new one.
  'NoSuchUpload',
])

const NO_SPACE = new Set(['ENOSPC', 'QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'])

/**
 * What an error of the AWS SDK means. The message names the error and the status as the server told them, without the
 * given secrets: a server may quote what it was sent.
 */
export function s3Failure(error: unknown, signal: AbortSignal, secrets: readonly string[]): StoreError {
  if (error instanceof StoreError) return error
  if (signal.aborted) return new StoreError('ABORTED', 'aborted')
  const told = read(error)
  const status = told.status === null ? '' : ` (HTTP ${told.status})`
  const missing = missingOf(told)
  const text = `S3: ${told.name}${status}: ${told.message}${missing === null ? '' : `; ${missing}`}`
  return new StoreError(
    codeOf(told),
    secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text),
  )
}

const NOT_THERE = new Set(['NoSuchKey', 'NotFound'])

/** What the SDK found neither in our settings nor by ways of its own. */
function missingOf({ name, message }: Told): string | null {
  if (message === 'Region is missing') return 'S3_REGION is not set'
  return name === 'CredentialsProviderError' ? 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set' : null
}

/** A file that cannot be read or written, and a certificate that is not trusted. */
const OURS = /^(?:ENOENT|EACCES|EISDIR|EIO)$|CERT/

function codeOf(told: Told): StoreErrorCode {
  const { name, code, status } = told
  if (NO_SPACE.has(name) || NO_SPACE.has(code)) return 'ENOSPC'
  if (NOT_THERE.has(name)) return 'STORE_NOT_FOUND'
  // It cannot make a request of what it is given.
  if (missingOf(told) !== null || name === 'TypeError' || OURS.test(code)) return 'STORE_REFUSED'
  if (PASSING.has(name) || status === null) return 'STORE_UNAVAILABLE'
  return codeOfStatus(status)
}

/** An answer that was broken off still carries the status that it began with. */
function codeOfStatus(status: number): StoreErrorCode {
  if (status === 507) return 'ENOSPC'
  const isPassing = status < 400 || status >= 500 || status === 408 || status === 429
  return isPassing ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
}

function read(error: unknown): Told {
  if (!(error instanceof Error)) return { name: 'Error', code: '', message: String(error), status: null }
  const metadata: unknown = '$metadata' in error ? error.$metadata : null
  const isTold = typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
  const status = isTold ? metadata.httpStatusCode : null
  const code = 'code' in error ? String(error.code) : ''
  return { name: error.name, code, message: error.message, status: typeof status === 'number' ? status : null }
}
