import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { startLocalServer } from '../local-server.ts'
import { refusal, type S3Answer } from './answer.ts'
import { type Bucket, OPERATIONS, type OpenUpload, type StoredObject } from './bucket.ts'
import { createFaults, type FaultRule, type LoggedCall, readBody, send } from './faults.ts'
import { type ParsedRequest, parseRequest } from './parse-request.ts'
import { type Credentials, signatureProblem } from './signature.ts'

export type S3Double = AsyncDisposable & {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: Credentials
  readonly objects: ReadonlyMap<string, StoredObject>
  /** Multipart uploads that have begun and were neither completed nor aborted. */
  openUploads(): readonly Pick<OpenUpload, 'id' | 'key'>[]
  /** Every call, in the order in which they came. */
  readonly calls: readonly LoggedCall[]
  /** Keys in the order in which their objects got visible. */
  readonly appeared: readonly string[]
  /** The most uploads, of objects or parts, that were under way at once. */
  mostUploadsAtOnce(): number
  inject(rule: FaultRule): void
}

export type S3DoubleOptions = {
  /** Each call takes so much longer. */
  readonly latencyMs?: number
  /** Anyone may read objects, pages of other origins too, as a bucket for playback lets them. */
  readonly isPublic?: boolean
}

const BUCKET = 'media'

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': 'ETag, Content-Range, Content-Length',
}

/**
 * An S3 server in memory with one bucket, spoken to by path: it checks every signature and hash, is as strict with
 * multipart uploads as S3, and fails as it is told to.
 */
export async function startS3Double({ latencyMs = 0, isPublic = false }: S3DoubleOptions = {}): Promise<S3Double> {
  const bucket: Bucket = { objects: new Map(), uploads: new Map() }
  const credentials = { accessKeyId: 'AKIATALLYLIGHT', secretAccessKey: randomBytes(20).toString('hex') }
  const calls: LoggedCall[] = []
  const appeared: string[] = []
  const faults = createFaults()
  const uploads = { now: 0, most: 0 }

  const answerTo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parsed = parseRequest(request)
    const call = beginningOf(parsed)
    calls.push(call)
    const fault = faults.take(call)
    const body = await readBody(request, fault)
    if (body === null || fault?.kind === 'hang') return
    await sleep(latencyMs)
    const answer = fault?.kind === 'refuse' ? refusal(fault.code) : perform(bucket, { request, parsed, body }, access)
    if (MAKE_VISIBLE.has(parsed.operation) && answer.status === 200) appeared.push(parsed.key)
    const headers = { ...answer.headers, ...(isPublic ? CORS : {}) }
    if (send(response, { ...answer, headers }, fault)) call.status = answer.status
  }
  const access = { credentials, isPublic }
  const server = await startLocalServer(async (request, response) => {
    if (request.method !== 'PUT') return answerTo(request, response)
    uploads.now++
    uploads.most = Math.max(uploads.most, uploads.now)
    await answerTo(request, response).finally(() => uploads.now--)
  })
  return {
    endpoint: server.origin,
    bucket: BUCKET,
    region: 'eu-test-1',
    credentials,
    objects: bucket.objects,
    openUploads: () => [...bucket.uploads.values()],
    calls,
    appeared,
    mostUploadsAtOnce: () => uploads.most,
    inject: faults.add,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const MAKE_VISIBLE = new Set(['PutObject', 'CompleteMultipartUpload'])

type Access = { readonly credentials: Credentials; readonly isPublic: boolean }

type Received = { readonly request: IncomingMessage; readonly parsed: ParsedRequest; readonly body: Buffer }

function beginningOf({ operation, key, query }: ParsedRequest): LoggedCall {
  const part = query.get('partNumber')
  return { operation, key, partNumber: part === null ? null : Number(part), status: null }
}

function perform(bucket: Bucket, received: Received, access: Access): S3Answer {
  const { request, parsed, body } = received
  if (access.isPublic && request.method === 'OPTIONS') return { status: 204 }
  const problem = problemOf(received, access)
  if (problem !== null) return refusal(problem)
  const operation = OPERATIONS.get(parsed.operation)
  return operation === undefined ? refusal('NotImplemented') : operation(bucket, { ...parsed, body })
}

function problemOf({ request, parsed, body }: Received, { credentials, isPublic }: Access): string | null {
  const { method = '', url = '', headers } = request
  const isRead = parsed.operation === 'GetObject' || parsed.operation === 'HeadObject'
  const isAnonymous = isPublic && isRead && headers.authorization === undefined
  const problem = isAnonymous ? null : signatureProblem({ method, url, headers, body }, credentials)
  return problem ?? (parsed.bucket === BUCKET ? null : 'NoSuchBucket')
}
