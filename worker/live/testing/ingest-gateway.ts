import * as v from 'valibot'

import {
  IngestReport,
  PublishRequest,
  type IngestSession,
  type SessionVerdict,
  type SrtListener,
} from '../../../shared/contract/live.ts'
import { newUuid } from '../../../shared/ids.ts'
import { hashText } from '../../../shared/net/hash.ts'
import { refusal, startFakeGateway, type FakeGateway, type GatewayAnswer } from '../../testing/fake-gateway.ts'

/** A gateway that lets encoders with a known key publish, and refuses a second one while the first is active. */
export type IngestGateway = AsyncDisposable & {
  readonly origin: string
  readonly calls: FakeGateway['calls']
  /** Broadcast of each stream key. */
  readonly streamIds: ReadonlyMap<string, string>
  /** Requests to publish so far, in order. */
  requests(): readonly PublishRequest[]
  /** Reported sessions so far, in order. */
  sessions(): readonly IngestSession[]
  reports(): readonly IngestReport[]
  /** The verdict on a session from now on. */
  judge(verdict: SessionVerdict): void
  /** The listeners for SRT from now on. */
  listenForSrt(listeners: readonly SrtListener[]): void
  waitFor: FakeGateway['waitFor']
}

export type IngestGatewayOptions = {
  readonly keys: readonly string[]
  /** Replaces the answer to a request to publish. */
  readonly onPublish?: (request: PublishRequest) => GatewayAnswer | null | Promise<GatewayAnswer | null>
  /** While it returns true, every call is answered with 503. */
  readonly isDown?: () => boolean
  /** Its time; calls that are signed at another one are refused. */
  readonly nowMs?: () => number
  /** From this report on, each report is refused as one of a stale epoch. */
  readonly staleFrom?: number
}

const MAX_SKEW_MS = 300_000

/** Starts such a gateway. */
export async function startIngestGateway(options: IngestGatewayOptions): Promise<IngestGateway> {
  const streamIds = new Map(options.keys.map((key) => [key, newUuid()]))
  const byHash = new Map(options.keys.map((key) => [hashText(key), streamIds.get(key)]))
  const accepted = new Map<string, string>()
  const verdicts = new Map<string, SessionVerdict>()
  let srt: readonly SrtListener[] = []
  let epoch = 0

  const answerPublish = async (request: PublishRequest): Promise<GatewayAnswer> => {
    const replaced = (await options.onPublish?.(request)) ?? null
    if (replaced !== null) return replaced
    const streamId = byHash.get(request.key_hash)
    if (streamId === undefined) return refusal(403, 'WRONG_KEY')
    const holder = accepted.get(streamId)
    if (holder !== undefined && request.active_sessions.includes(holder)) return refusal(409, 'ALREADY_LIVE')
    accepted.set(streamId, request.source.session)
    return { status: 200, body: { stream_id: streamId } }
  }

  const nowMs = options.nowMs ?? Date.now
  const gateway = await startFakeGateway(async ({ path, body, headers }) => {
    if (options.isDown?.() ?? false) return { status: 503, body: {} }
    const isSkewed = Math.abs(Number(headers['x-timestamp']) * 1000 - nowMs()) > MAX_SKEW_MS
    if (isSkewed) return refusal(401, 'CLOCK_SKEW', { server_time: nowMs() / 1000 })
    if (path.endsWith('/claim')) {
      epoch++
      return {
        status: 200,
        body: { epoch, resume: null, policy: { allow_private_networks: true, allow_any_site: false } },
      }
    }
    if (path.endsWith('/publishers')) return answerPublish(v.parse(PublishRequest, JSON.parse(body)))
    if (reports().length >= (options.staleFrom ?? Number.POSITIVE_INFINITY)) return refusal(409, 'STALE_EPOCH')
    return { status: 200, body: { duplicate: false, sessions: [...verdicts.values()], srt } }
  })
  const reports = () =>
    gateway.calls
      .filter(({ path }) => path.endsWith('/status'))
      .map(({ body }) => v.parse(IngestReport, JSON.parse(body)))
  return {
    origin: gateway.origin,
    calls: gateway.calls,
    streamIds,
    reports,
    requests: () =>
      gateway.calls
        .filter(({ path }) => path.endsWith('/publishers'))
        .map(({ body }) => v.parse(PublishRequest, JSON.parse(body))),
    sessions: () => reports().flatMap(({ sessions }) => sessions),
    judge: (verdict) => void verdicts.set(verdict.session, verdict),
    listenForSrt: (listeners) => {
      srt = listeners
    },
    waitFor: (isEnough) => gateway.waitFor(isEnough),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}
