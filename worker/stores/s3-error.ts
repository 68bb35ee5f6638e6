import { isLocalErrorCode, StoreError, type StoreErrorCode } from './store.ts'

/** The used properties of an error of the AWS SDK. */
type SdkError = {
  readonly name: string
  /** Node's error code of a local or network error; else empty. */
  readonly code: string
  readonly message: string
  /** HTTP status; `null` without a response. */
  readonly status: number | null
}

/** Errors that a later attempt may not meet, although their status blames the request. */
const TRANSIENT = new Set([
  'BadDigest',
  'IncompleteBody',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'OperationAborted',
  // Another call ended the multipart upload: the next attempt starts a new one.
  'NoSuchUpload',
])

const NO_SPACE = new Set(['ENOSPC', 'QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'])
const NOT_FOUND = new Set(['NoSuchKey', 'NotFound'])

/**
 * Converts an error of the AWS SDK. The message has the error's name, status and text, without the secrets: a server may
 * quote a request.
 */
export function toStoreError(error: unknown, signal: AbortSignal, secrets: readonly string[]): StoreError {
  if (error instanceof StoreError) return error
  if (signal.aborted) return new StoreError('ABORTED', 'aborted')
  const sdkError = readSdkError(error)
  const status = sdkError.status === null ? '' : ` (HTTP ${sdkError.status})`
  const missingSetting = describeMissingSetting(sdkError)
  const hint = missingSetting === null ? '' : `; ${missingSetting}`
  const message = `S3: ${sdkError.name}${status}: ${sdkError.message}${hint}`
  return new StoreError(
    classify(sdkError),
    secrets.reduce((text, secret) => text.replaceAll(secret, '…'), message),
  )
}

/** Names the setting that the SDK found neither in the client's settings nor in its default chain. */
function describeMissingSetting({ name, message }: SdkError): string | null {
  if (message === 'Region is missing') return 'S3_REGION is not set'
  return name === 'CredentialsProviderError' ? 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set' : null
}

function classify(error: SdkError): StoreErrorCode {
  const { name, code, status } = error
  if (NO_SPACE.has(name) || NO_SPACE.has(code)) return 'ENOSPC'
  if (NOT_FOUND.has(name)) return 'STORE_NOT_FOUND'
  // The SDK throws a TypeError where it cannot build a request from its input.
  if (describeMissingSetting(error) !== null || name === 'TypeError' || isLocalErrorCode(code)) return 'STORE_REFUSED'
  if (TRANSIENT.has(name) || status === null) return 'STORE_UNAVAILABLE'
  return classifyStatus(status)
}

/** Classifies a response by its status. A truncated response is an error with a successful status. */
function classifyStatus(status: number): StoreErrorCode {
  if (status === 507) return 'ENOSPC'
  const isTransient = status < 400 || status >= 500 || status === 408 || status === 429
  return isTransient ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
}

function readSdkError(error: unknown): SdkError {
  if (!(error instanceof Error)) return { name: 'Error', code: '', message: String(error), status: null }
  const metadata: unknown = '$metadata' in error ? error.$metadata : null
  const hasStatus = typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
  const status = hasStatus ? metadata.httpStatusCode : null
  const code = 'code' in error ? String(error.code) : ''
  return { name: error.name, code, message: error.message, status: typeof status === 'number' ? status : null }
}
