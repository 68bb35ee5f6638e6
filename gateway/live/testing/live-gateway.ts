import { randomUUID } from 'node:crypto'

import type { Claim } from '../../../shared/contract/assignment.ts'
import type {
  BroadcastReport,
  BroadcastReportAccepted,
  IngestReport,
  IngestReportAccepted,
  IngestSession,
  PublishRequest,
} from '../../../shared/contract/live.ts'
import type { ClipOrder, StorageOrder, StorageResult } from '../../../shared/contract/live-files.ts'
import { hashText } from '../../../shared/net/hash.ts'
import { deriveWorkerToken, signCallback } from '../../../shared/net/signing.ts'
import { until } from '../../../shared/testing/until.ts'
import { TEST_KEYS, type ApiResponse, type Json, type TestGateway } from '../../testing/test-gateway.ts'

type Api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<ApiResponse>

/** A user of a test: calls with the headers of a session. */
export type TestUser = { readonly user: Json; readonly headers: Record<string, string> }

/** Creates an account and signs it in. */
export async function signUp(api: Api, username: string): Promise<TestUser> {
  const password = 'correct horse battery'
  await api('POST', '/api/v1/auth/register', { username, email: `${username}@example.org`, password })
  const { json } = await api('POST', '/api/v1/auth/login', { login: username, password })
  return { user: json.user, headers: { authorization: `Bearer ${json.token}` } }
}

/** Returns the cookie of a user's browser. */
export function cookieOf({ headers }: TestUser): string {
  return `tallylight_session=${headers['authorization']?.replace('Bearer ', '')}`
}

/** A worker of live that calls a gateway with the key of its assignment. */
type LiveWorkerCalls = {
  readonly call: (method: 'POST' | 'PUT', path: string, body: unknown) => Promise<ApiResponse>
}

/** Creates the calls of a worker; `path` is that of its assignment. */
function createWorkerCalls(
  url: string,
  kind: 'ingest' | 'live' | 'archive' | 'clip' | 'storage',
  id: string,
): LiveWorkerCalls {
  const token = deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, kind, id)
  return {
    async call(method, path, body) {
      const text = JSON.stringify(body)
      const timestamp = String(Math.floor(Date.now() / 1000))
      const signature = signCallback(token, timestamp, { method, path, body: text })
      const headers = {
        'content-type': 'application/json',
        'x-worker-id': id,
        'x-timestamp': timestamp,
        'x-signature-256': signature,
      }
      const init: RequestInit = { method, headers, body: text }
      const response = await fetch(url + path, init)
      const content = await response.text()
      return { status: response.status, headers: response.headers, text: content, json: JSON.parse(content) }
    },
  }
}

const FACTS = { bit_rate_kbps: 900, video: null, audio: null, dropped_frames: 0, jitter_ms: 3, encoder: 'test' }

/** An ingest worker of a test, which says what encoders do. */
export type SimulatedIngest = {
  /** Sends the claim of this process again. */
  repeatClaim(): Promise<ApiResponse>
  /** Asks whether an encoder may publish; returns its session and the answer. */
  publish(
    streamKey: string,
    more?: Partial<PublishRequest>,
  ): Promise<{ readonly session: string; readonly answer: ApiResponse }>
  /** Reports the sessions of a broadcast. */
  report(
    streamId: string,
    sessions: readonly Partial<IngestSession>[],
    more?: Partial<IngestReport>,
  ): Promise<IngestReportAccepted>
}

/** Waits until a gateway has launched its ingest worker (`INGEST_WORKERS`), and claims its assignment. */
export async function openIngest({ gateway, url }: Pick<TestGateway, 'gateway' | 'url'>): Promise<SimulatedIngest> {
  const { launcher } = gateway.context
  await until(async () => (await launcher.list(AbortSignal.timeout(1000))).length > 0, 'the ingest worker is launched')
  return claimIngest(url)
}

/** Claims the assignment of an ingest worker, which the gateway must have (`INGEST_WORKERS`). */
export async function claimIngest(url: string, id = 'ingest-0'): Promise<SimulatedIngest> {
  const { call } = createWorkerCalls(url, 'ingest', id)
  const path = `/internal/v1/ingest/${id}`
  const claimant = randomUUID()
  const repeatClaim = () => call('POST', `${path}/claim`, { claimant })
  const { json: claim } = await repeatClaim()
  const active: string[] = []
  let seq = 0
  return {
    repeatClaim,
    async publish(streamKey, more = {}) {
      const session = randomUUID()
      const answer = await call('POST', `${path}/publishers`, {
        epoch: claim.epoch,
        key_hash: hashText(streamKey),
        address: '192.0.2.1',
        source: { session, url: `http://127.0.0.1:9/${session}.flv`, token: randomUUID() },
        active_sessions: active,
        ...more,
      })
      if (answer.status === 200) active.push(session)
      return { session, answer }
    },
    async report(streamId, sessions, more = {}) {
      const body: IngestReport = {
        epoch: claim.epoch,
        seq: ++seq,
        ports: { rtmp: 1935, rtmps: null },
        whip: null,
        sessions: sessions.map((one) => ({
          session: randomUUID(),
          stream_id: streamId,
          silent_ms: 0,
          ended: null,
          facts: FACTS,
          ...one,
        })),
        abandoned: [],
        ...more,
      }
      for (const { session, ended } of body.sessions) if (ended !== null) active.splice(active.indexOf(session), 1)
      return (await call('PUT', `${path}/status`, body)).json
    },
  }
}

type EncodeOptions = Partial<BroadcastReport> & { readonly isMissing?: boolean }

/** A live worker of a test, which says what was encoded. */
export type SimulatedEncoder = {
  readonly claim: Claim & { readonly order: Json }
  /** Reports `count` further segments of two seconds of a run; `isMissing`: they could not be stored. */
  encode(session: string, count: number, more?: EncodeOptions): Promise<BroadcastReportAccepted>
  /** Begins another run with these rungs. */
  beginRun(rungs: readonly number[]): void
  report(more: Partial<BroadcastReport>): Promise<ApiResponse>
  /** Sends the last report again. */
  repeatReport(): Promise<ApiResponse>
}

/** Claims the assignment of a broadcast's live worker. */
export async function claimBroadcast(url: string, streamId: string): Promise<SimulatedEncoder> {
  const id = `live-${streamId}`
  const { call } = createWorkerCalls(url, 'live', id)
  const path = `/internal/v1/broadcasts/${id}`
  const { json: claim } = await call('POST', `${path}/claim`, { claimant: randomUUID() })
  let [seq, run, n] = [0, 1, 0]
  let rungs: readonly number[] = [360, 240]
  let isNewRun = true
  let last: BroadcastReport | null = null
  const report = (more: Partial<BroadcastReport>) => {
    last = {
      epoch: claim.epoch,
      seq: ++seq,
      runs: [],
      segments: [],
      health: { lag_sec: 0.4, is_top_rung_dropped: false, is_passed_through: false, problem: null },
      parts_url: null,
      finished_session: null,
      poster: null,
      ...more,
    }
    return call('PUT', `${path}/status`, last)
  }
  return {
    claim,
    report,
    repeatReport: () => call('PUT', `${path}/status`, last),
    beginRun(heights) {
      rungs = heights
      run++
      isNewRun = true
    },
    async encode(session, count, { isMissing = false, ...more } = {}) {
      const runs = isNewRun ? [{ run, session, rungs: rungs.map((height) => encodedRung(height)) }] : []
      isNewRun = false
      const segments = Array.from({ length: count }, () => ({
        n: n++,
        run,
        duration_sec: 2,
        program_date_time: new Date(Date.UTC(2026, 0, 1) + n * 2000).toISOString(),
        start_ms: (n - 1) * 2000,
        end_ms: n * 2000,
        frames: 60,
        bytes: rungs.map(() => 1000),
        ...(isMissing ? { is_missing: true } : {}),
      }))
      return (await report({ runs, segments, ...more })).json
    },
  }
}

/** Claims the assignment of a recording's worker, and reports what became of it. */
export async function reportArchive(url: string, archiveId: string, outcome: object): Promise<ApiResponse> {
  const id = `archive-${archiveId}`
  const { call } = createWorkerCalls(url, 'archive', id)
  const path = `/internal/v1/archives/${id}`
  const { json: claim } = await call('POST', `${path}/claim`, { claimant: randomUUID() })
  return call('PUT', `${path}/status`, { epoch: claim.epoch, seq: 1, outcome })
}

/** A worker of a clip in a test: the task of its claim, and the call that reports what became of it. */
export type SimulatedCutter = {
  readonly order: ClipOrder
  report(outcome: object): Promise<ApiResponse>
}

/** Claims the assignment of a clip, which the gateway must have. */
export async function claimClip(url: string, clipId: string): Promise<SimulatedCutter> {
  const id = `clip-${clipId}`
  const { call } = createWorkerCalls(url, 'clip', id)
  const path = `/internal/v1/clips/${id}`
  const { json: claim } = await call('POST', `${path}/claim`, { claimant: randomUUID() })
  return {
    order: claim.order,
    report: (outcome) => call('PUT', `${path}/status`, { epoch: claim.epoch, seq: 1, outcome }),
  }
}

/** Orders a clip of the last seconds of a broadcast, and reports what became of it, unless that is `null`; returns its id. */
export async function orderClip(
  { api, url }: { readonly api: Api; readonly url: string },
  maker: TestUser,
  { streamId, outcome }: { readonly streamId: string; readonly outcome: object | null },
): Promise<string> {
  const { json } = await api('POST', `/api/v1/streams/${streamId}/clips`, { duration: 5 }, maker.headers)
  if (outcome !== null) await (await claimClip(url, json.clip_id)).report(outcome)
  return json.clip_id
}

/** A storage worker of a test: the tasks of its claim, and the call that reports what became of them. */
export type SimulatedStorage = {
  readonly tasks: StorageOrder['tasks']
  report(results: readonly StorageResult[]): Promise<ApiResponse>
}

/** Claims the assignment of the storage worker, which the gateway must have. */
export async function claimStorage(url: string): Promise<SimulatedStorage> {
  const { call } = createWorkerCalls(url, 'storage', 'storage-0')
  const path = '/internal/v1/storage/storage-0'
  const { json: claim } = await call('POST', `${path}/claim`, { claimant: randomUUID() })
  return {
    tasks: claim.order.tasks,
    report: (results) => call('PUT', `${path}/status`, { epoch: claim.epoch, seq: 1, results }),
  }
}

function encodedRung(height: number) {
  const width = Math.round((height * 16) / 9 / 2) * 2
  return {
    name: String(height),
    width,
    height,
    frame_rate: 30,
    codecs: 'avc1.64001f,mp4a.40.2',
    bandwidth: height * 2000,
  }
}
