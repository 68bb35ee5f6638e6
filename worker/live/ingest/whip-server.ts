import { lookup } from 'node:dns/promises'

import * as v from 'valibot'

import { WhipRequest, type WhipAccepted } from '../../../shared/contract/live.ts'
import type { Refusal } from '../../../shared/contract/assignment.ts'
import { verifyCallback } from '../../../shared/net/signing.ts'
import type { StreamReply, StreamRequest } from '../../platform/stream-server.ts'
import { findUdpPort } from '../../platform/udp-port.ts'
import type { IngestEnvironment } from './environment.ts'
import { openPort } from './open-port.ts'
import { OfferError } from './whip/offer-error.ts'
import { readOffer, type WhipOffer } from './whip/read-offer.ts'
import { loadWebRtc } from './whip/web-rtc.ts'
import { replaceCandidates } from './whip/write-descriptions.ts'
import { openWhipPublisher, type WhipPublisher, type WhipPublisherContext } from './whip-publisher.ts'

/** Takes offers of WHIP. Disposing of it ends all sessions. */
export type WhipServer = AsyncDisposable & {
  /** The UDP port of all sessions. */
  readonly port: number
  /** Returns whether a request is one of WHIP. */
  readonly isFor: (path: string) => boolean
  handle(request: StreamRequest, nowMs: number): Promise<StreamReply>
  /** Takes no more offers, and ends all sessions. */
  stop(reason: string): void
}

export type WhipServerOptions = Omit<WhipPublisherContext, 'library' | 'port' | 'bindAddress' | 'ffmpegPath'> & {
  readonly environment: IngestEnvironment
}

/** The path of offers; `{path}/{stream_id}/{session}` is a session. */
export const WHIP_PATH = '/whip'
const SESSION_PATH = /^\/whip\/([0-9a-f-]{36})\/([0-9a-f-]{36})$/
/** The usual port of WebRTC's media in servers of WHIP. */
const USUAL_PORT = 8189
/** An offer as JSON: its characters may be escaped. */
const MAX_BODY_BYTES = 256 * 1024
const MAX_SESSIONS = 50
/** Sessions whose picture is encoded again, each of which takes half a core. */
const MAX_TRANSCODED = 8
const LOOKUP_TIMEOUT_MS = 2000

type WhipServerState = {
  readonly context: WhipPublisherContext
  readonly environment: IngestEnvironment
  readonly publishers: Map<string, WhipPublisher>
  /** Offers that are being answered. */
  opening: number
  stopReason: string | null
}

/**
 * Starts to take offers; `null` where this platform has no WebRTC.
 * @throws EnvironmentError where the port cannot be bound
 */
export async function startWhipServer({ environment, ...more }: WhipServerOptions): Promise<WhipServer | null> {
  const library = await loadWebRtc(more.log)
  if (library === null) return null
  const bindAddress = await findBindAddress(environment.RTMP_HOST)
  const choice = { variable: 'WHIP_PORT', chosen: environment.WHIP_PORT, usual: USUAL_PORT }
  const port = await openPort(choice, (wanted) => findUdpPort(wanted, bindAddress), more.log)
  // It keeps the port between sessions.
  const listener = new library.IceUdpMuxListener(port, bindAddress ?? undefined)
  const context = { ...more, library, port, bindAddress, ffmpegPath: environment.FFMPEG_PATH }
  const state: WhipServerState = { context, environment, publishers: new Map(), opening: 0, stopReason: null }
  const stop = (reason: string) => {
    state.stopReason ??= reason
    for (const publisher of state.publishers.values()) publisher.close(reason)
  }
  return {
    port,
    isFor: (path) => path === WHIP_PATH || path.startsWith(`${WHIP_PATH}/`),
    handle: (request, nowMs) => handle(state, request, nowMs),
    stop,
    async [Symbol.asyncDispose]() {
      stop('the server ends')
      listener.stop()
    },
  }
}

/** Returns the address to listen on; `null`: all of them. */
async function findBindAddress(host: string): Promise<string | null> {
  return host === '::' ? null : (await lookup(host)).address
}

async function handle(state: WhipServerState, request: StreamRequest, nowMs: number): Promise<StreamReply> {
  const { method, path } = request
  const body = await request.readText(MAX_BODY_BYTES)
  if (body === null) return refuse(413, 'INVALID_OFFER', 'the offer is too large')
  const signed = { timestamp: request.header('x-timestamp'), signature: request.header('x-signature-256') }
  const { WORKER_TOKEN: token } = state.environment
  if (verifyCallback(token, { method, path, body }, signed, nowMs) !== 'valid') return { status: 401, body: null }
  if (method === 'POST' && path === WHIP_PATH) return takeOffer(state, body)
  if (method === 'DELETE') return endSession(state, path)
  return { status: 404, body: null }
}

const RequestText = v.pipe(v.string(), v.parseJson(), WhipRequest)

async function takeOffer(state: WhipServerState, body: string): Promise<StreamReply> {
  const parsed = v.safeParse(RequestText, body)
  if (!parsed.success) return refuse(400, 'INVALID_OFFER', 'the offer cannot be read')
  state.opening++
  try {
    const offer = readOffer(parsed.output.sdp)
    const problem = findLimit(state, offer)
    return problem === null
      ? await answerOffer(state, parsed.output, offer)
      : refuse(503, 'INGEST_UNAVAILABLE', problem)
  } catch (error) {
    if (error instanceof OfferError) {
      return error.kind === 'codec'
        ? refuse(406, 'CODEC_UNSUPPORTED', error.message)
        : refuse(400, 'INVALID_OFFER', error.message)
    }
    state.context.log.warn('offer could not be answered', { error })
    return refuse(400, 'INVALID_OFFER', 'no connection can be made from this offer')
  } finally {
    state.opening--
  }
}

function findLimit({ publishers, opening, stopReason }: WhipServerState, { tracks }: WhipOffer): string | null {
  if (stopReason !== null) return stopReason
  const full = 'too many people publish from a browser at the moment; try again later, or publish by RTMP'
  if (publishers.size + opening > MAX_SESSIONS) return full
  const transcoded = [...publishers.values()].filter(({ isTranscoded }) => isTranscoded).length
  return tracks.some(({ codec }) => codec === 'vp8') && transcoded >= MAX_TRANSCODED ? full : null
}

async function answerOffer(state: WhipServerState, request: WhipRequest, offer: WhipOffer): Promise<StreamReply> {
  const { publishers, context, environment, stopReason } = state
  const addresses = await findPublicAddresses(environment)
  const decision = await openWhipPublisher(request, offer, context, (session) => publishers.delete(session))
  if (decision.kind === 'refused') return refuse(decision.status, decision.code, decision.reason)
  const { publisher } = decision
  // A page that was loaded again has left its first connection behind.
  for (const other of publishers.values()) {
    if (other.streamId === publisher.streamId && !other.isOnAir()) other.close('another offer replaced it')
  }
  if (!publisher.isClosed()) publishers.set(publisher.session, publisher)
  if (stopReason !== null) publisher.close(stopReason)
  const sdp = replaceCandidates(publisher.answer, addresses, context.port)
  const accepted: WhipAccepted = { session: publisher.session, sdp }
  return toReply(201, accepted)
}

/** Returns the addresses of `WHIP_HOST`; none where it is not set, or its name is not known now. */
async function findPublicAddresses({ WHIP_HOST: host }: IngestEnvironment): Promise<readonly string[]> {
  if (host === undefined) return []
  const found = lookup(host, { all: true }).then(
    (entries) => entries.map(({ address }) => address),
    () => [],
  )
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LOOKUP_TIMEOUT_MS)
  })
  const addresses = await Promise.race([found, late])
  clearTimeout(timer)
  return addresses
}

function endSession({ publishers }: WhipServerState, path: string): StreamReply {
  const [, streamId = '', session = ''] = SESSION_PATH.exec(path) ?? []
  const publisher = publishers.get(session)
  if (publisher?.streamId !== streamId) return refuse(404, 'PUBLISHER_NOT_FOUND', 'there is no session of this id')
  publisher.close('the publisher stopped')
  return { status: 204, body: null }
}

function refuse(status: number, code: string, message: string): StreamReply {
  const refusal: Refusal = { error: { code, message } }
  return toReply(status, refusal)
}

function toReply(status: number, content: Refusal | WhipAccepted): StreamReply {
  const text = JSON.stringify(content)
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: (write) => write(Buffer.from(text)),
  }
}
