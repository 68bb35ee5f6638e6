import { S3Client } from '@aws-sdk/client-s3'

/** Address of an S3 server, and the account there. */
export type S3Settings = {
  /** `null` where none is configured; other buckets can still be read. */
  readonly bucket: string | null
  /** `null`: the SDK's default chain (`AWS_REGION`, its files). */
  readonly region: string | null
  /** `null`: Amazon S3. */
  readonly endpoint: string | null
  /** `null`: the SDK's default chain (`AWS_*`, its files, the instance's role). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null
  /** Base URL of the bucket's objects for readers; `null`: the server's own URL. */
  readonly publicUrl: string | null
}

const CONNECTION_TIMEOUT_MS = 10_000
/** An inactive connection is closed after this time. */
const IDLE_TIMEOUT_MS = 30_000
/** Attempts by the SDK for calls without a body, or with a body that can be sent again. */
const MAX_ATTEMPTS = 3
const MAX_SOCKETS = 64

/** Silences the SDK, which would log to the console in its own format. Callers report failures. */
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function ignore(): void {
  // Discards a log line.
}

/**
 * Creates a client for any S3-compatible server. With an endpoint, URLs are path-style, because the bucket's host name may
 * not resolve. Checksums are sent only where S3 requires them: many servers do not support them.
 */
export function createS3Client(settings: S3Settings): S3Client {
  // The SDK would warn about the Node version on stderr, among the log lines.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { endpoint, credentials } = settings
  const region = settings.region ?? (endpoint === null ? null : 'us-east-1')
  return new S3Client({
    ...(region === null ? {} : { region }),
    ...(endpoint === null ? { followRegionRedirects: true } : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: MAX_ATTEMPTS,
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  })
}

/** Returns the texts that no message may contain. */
export function listSecrets({ credentials }: S3Settings): readonly string[] {
  return credentials === null ? [] : [credentials.secretAccessKey]
}
