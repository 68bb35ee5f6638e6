import { S3Client } from '@aws-sdk/client-s3'

/** Where an S3 server is and who we are there. */
export type S3Settings = {
  /** `null`: none is configured; enough for reading from buckets that others name. */
  readonly bucket: string | null
  /** `null`: the SDK's own way of finding it (`AWS_REGION`, its files). */
  readonly region: string | null
  /** `null`: Amazon's. */
  readonly endpoint: string | null
  /** `null`: the SDK's own way of finding them (`AWS_*`, its files, the instance's role). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null
  /** Where readers find the bucket's objects; `null`: at the server itself. */
  readonly publicUrl: string | null
}

const CONNECTION_TIMEOUT_MS = 10_000
/** A connection over which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 30_000
/** Calls without a body, and with one that can be sent anew, are tried so often by the SDK. */
const ATTEMPTS = 3
const MAX_SOCKETS = 64

/** Failures are told by whoever sees their consequence; the SDK would write to the console, in a form of its own. */
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function ignore(): void {
  // See above.
}

/**
 * A client for any S3-compatible server: a server that is not Amazon's is spoken to by path, for its bucket's name need
 * not resolve; and checksums go out only where S3 demands them, as many such servers do not know of them.
 */
export function createS3Client(settings: S3Settings): S3Client {
  // It would warn of this Node's age on stderr, where our log lines go.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const { endpoint, credentials } = settings
  const region = settings.region ?? (endpoint === null ? null : 'us-east-1')
  return new S3Client({
    ...(region === null ? {} : { region }),
    ...(endpoint === null ? { followRegionRedirects: true } : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: ATTEMPTS,
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  })
}

/** What must not show in any message. */
export function secretsOf({ credentials }: S3Settings): readonly string[] {
  return credentials === null ? [] : [credentials.secretAccessKey]
}
