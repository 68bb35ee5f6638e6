import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { errorAnswer, type S3Answer } from './answer.ts'
import { type Bucket, OPERATIONS, type OpenUpload, type StoredObject } from './bucket.ts'
import { createFaultInjector, type Fault, type FaultRule, type LoggedCall, readBody, sendAnswer } from './faults.ts'
import { type ParsedRequest, parseRequest } from './parse-request.ts'
import { type Credentials, checkSignature } from './signature.ts'

/** A running double. */
export type S3Double = AsyncDisposable & {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: Credentials
  /** The environment variables by which a worker uses this server as its `s3` store. */
  readonly environment: Readonly<Record<string, string>>
  readonly objects: ReadonlyMap<string, StoredObject>
  /** Multipart uploads that were neither completed nor aborted. */
  openUploads(): readonly Pick<OpenUpload, 'id' | 'key'>[]
  /** All calls, in the order of their arrival. */
  readonly calls: readonly LoggedCall[]
  /** Keys in the order in which their objects became visible. */
  readonly appeared: readonly string[]
  /** Maximum number of concurrent uploads of objects or parts. */
  mostUploadsAtOnce(): number
  inject(rule: FaultRule): void
}

export type S3DoubleOptions = {
  /** Added to the duration of each call. */
  readonly latencyMs?: number
  /** Allows reads without a signature and from any origin, like a bucket for playback. */
  readonly isPublic?: boolean
}

const BUCKET = 'media'
const REGION = 'eu-test-1'

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': 'ETag, Content-Range, Content-Length',
}

/**
 * Starts an S3 server in memory with one bucket and path-style URLs. It checks all signatures and hashes, enforces S3's
 * rules for multipart uploads, and fails calls by the injected rules.
 */
export async function startS3Double({ latencyMs = 0, isPublic = false }: S3DoubleOptions = {}): Promise<S3Double> {
  const bucket: Bucket = { objects: new Map(), uploads: new Map() }
  const credentials = { accessKeyId: 'AKIATALLYLIGHT', secretAccessKey: randomBytes(20).toString('hex') }
  const calls: LoggedCall[] = []
  const appeared: string[] = []
  const faults = createFaultInjector()
  const uploads = { current: 0, max: 0 }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parsed = parseRequest(request)
    const call = toLoggedCall(parsed)
    calls.push(call)
    const fault = faults.take(call)
    const body = await readBody(request, fault)
    if (body === null || fault?.kind === 'hang') return
    await sleep(latencyMs + delayOf(fault))
    const answer =
      fault?.kind === 'refuse' ? errorAnswer(fault.code) : perform(bucket, { request, parsed, body }, access)
    if (MAKE_VISIBLE.has(parsed.operation) && answer.status === 200) appeared.push(parsed.key)
    const headers = { ...answer.headers, ...(isPublic ? CORS : {}) }
    if (sendAnswer(response, { ...answer, headers }, fault)) call.status = answer.status
  }
  const access = { credentials, isPublic }
  const server = await startLocalServer(async (request, response) => {
    if (request.method !== 'PUT') return handle(request, response)
    uploads.current++
    uploads.max = Math.max(uploads.max, uploads.current)
    await handle(request, response).finally(() => uploads.current--)
  })
  return {
    endpoint: server.origin,
    bucket: BUCKET,
    region: REGION,
    credentials,
    environment: {
      S3_BUCKET: BUCKET,
      S3_REGION: REGION,
      S3_ENDPOINT: server.origin,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    objects: bucket.objects,
    openUploads: () => [...bucket.uploads.values()],
    calls,
    appeared,
    mostUploadsAtOnce: () => uploads.max,
    inject: faults.add,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function delayOf(fault: Fault | null): number {
  return fault?.kind === 'slow' ? fault.ms : 0
}

const MAKE_VISIBLE = new Set(['PutObject', 'CompleteMultipartUpload'])

type AccessPolicy = { readonly credentials: Credentials; readonly isPublic: boolean }

type ReceivedRequest = { readonly request: IncomingMessage; readonly parsed: ParsedRequest; readonly body: Buffer }

function toLoggedCall({ operation, key, query }: ParsedRequest): LoggedCall {
  const part = query.get('partNumber')
  return { operation, key, partNumber: part === null ? null : Number(part), status: null }
}

function perform(bucket: Bucket, received: ReceivedRequest, access: AccessPolicy): S3Answer {
  const { request, parsed, body } = received
  if (access.isPublic && request.method === 'OPTIONS') return { status: 204 }
  const problem = checkAccess(received, access)
  if (problem !== null) return errorAnswer(problem)
  const operation = OPERATIONS.get(parsed.operation)
  return operation === undefined ? errorAnswer('NotImplemented') : operation(bucket, { ...parsed, body })
}

function checkAccess(
  { request, parsed, body }: ReceivedRequest,
  { credentials, isPublic }: AccessPolicy,
): string | null {
  const { method = '', url = '', headers } = request
  const isRead = parsed.operation === 'GetObject' || parsed.operation === 'HeadObject'
  const isAnonymous = isPublic && isRead && headers.authorization === undefined
  const problem = isAnonymous ? null : checkSignature({ method, url, headers, body }, credentials)
  return problem ?? (parsed.bucket === BUCKET ? null : 'NoSuchBucket')
}
