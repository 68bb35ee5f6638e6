/**
 * A session of WHIP: its connection, from the answered offer on, and its media. It asks the gateway a second time once it is
 * connected, so that an offer whose connection fails does not put a broadcast on the air.
 */

import type { WhipRequest } from '../../../shared/contract/live.ts'
import { newUuid } from '../../../shared/ids.ts'
import type { Log } from '../../../shared/log.ts'
import type { FlvTag } from '../flv/flv-tag.ts'
import type { PublishDecision } from './authorize-publisher.ts'
import type { SessionMedia } from './media/session-media.ts'
import type { ConnectionContext, PublishAttempt } from './serve-connection.ts'
import { createMediaBridge, type MediaBridge } from './whip/media-bridge.ts'
import type { WhipOffer } from './whip/read-offer.ts'
import { isRtcp } from './whip/rtp-packet.ts'
import { createRtpReceiver, type RtpReceiver } from './whip/rtp-receiver.ts'
import { openWebRtcPeer, type PeerState, type WebRtc, type WebRtcPeer } from './whip/web-rtc.ts'
import { writeOffer } from './whip/write-descriptions.ts'

export type WhipPublisherContext = Pick<
  ConnectionContext,
  'registry' | 'createToken' | 'createMedia' | 'nowMs' | 'log'
> & {
  readonly library: WebRtc
  readonly port: number
  /** `null`: all addresses of this machine. */
  readonly bindAddress: string | null
  readonly ffmpegPath: string
  readonly authorize: (attempt: PublishAttempt, isTrial: boolean) => Promise<PublishDecision>
}

/** A publisher over WebRTC. */
export type WhipPublisher = {
  readonly session: string
  readonly streamId: string
  /** The answer to its offer. */
  readonly answer: string
  readonly isTranscoded: boolean
  /** It is connected, and the gateway has accepted it. */
  readonly isOnAir: () => boolean
  readonly isClosed: () => boolean
  close(reason: string): void
}

const CONNECT_DEADLINE_MS = 15_000
const IDLE_DEADLINE_MS = 10_000
const TICK_MS = 50
const MAX_AGENT_CHARS = 100

type PublisherState = {
  readonly attempt: PublishAttempt
  readonly offer: WhipOffer
  readonly request: WhipRequest
  readonly context: WhipPublisherContext
  readonly log: Log
  readonly openedMs: number
  readonly onClosed: () => void
  peer: WebRtcPeer | null
  live: { readonly media: SessionMedia; readonly bridge: MediaBridge; readonly receiver: RtpReceiver } | null
  lastPacketMs: number
  isAsking: boolean
  isClosed: boolean
  timer: ReturnType<typeof setInterval> | null
}

/** What becomes of an offer. */
export type WhipDecision =
  | { readonly kind: 'accepted'; readonly publisher: WhipPublisher }
  | Exclude<PublishDecision, { readonly kind: 'accepted' }>

/**
 * Answers an offer that the gateway accepts. `onClosed` is called once, when the session has ended.
 * @throws Error where the library cannot answer the offer
 */
export async function openWhipPublisher(
  request: WhipRequest,
  offer: WhipOffer,
  context: WhipPublisherContext,
  onClosed: (publisher: string) => void,
): Promise<WhipDecision> {
  const session = newUuid()
  const { address, key_hash: keyHash } = request
  const attempt = { session, token: context.createToken(), keyHash, address }
  const decision = await context.authorize(attempt, true)
  if (decision.kind === 'refused') return decision
  const state = createState(attempt, { request, offer, context, onClosed: () => onClosed(session) })
  const { library, port, bindAddress } = context
  state.peer = await openWebRtcPeer(library, {
    offer: writeOffer(offer),
    port,
    bindAddress,
    onPacket: (mid, bytes) => receive(state, mid, bytes),
    onState: (change) => followPeer(state, change),
  })
  state.timer = setInterval(() => tick(state), TICK_MS)
  return { kind: 'accepted', publisher: describe(state, state.peer) }
}

function createState(
  attempt: PublishAttempt,
  { request, offer, context, onClosed }: Pick<PublisherState, 'request' | 'offer' | 'context' | 'onClosed'>,
): PublisherState {
  const nowMs = context.nowMs()
  return {
    attempt,
    offer,
    request,
    context,
    onClosed,
    log: context.log.with({ address: attempt.address, session: attempt.session }),
    openedMs: nowMs,
    peer: null,
    live: null,
    lastPacketMs: nowMs,
    isAsking: false,
    isClosed: false,
    timer: null,
  }
}

function describe(state: PublisherState, { answer }: WebRtcPeer): WhipPublisher {
  return {
    session: state.attempt.session,
    streamId: state.request.stream_id,
    answer,
    isTranscoded: state.offer.tracks.some(({ codec }) => codec === 'vp8'),
    isOnAir: () => state.live !== null,
    isClosed: () => state.isClosed,
    close: (reason) => close(state, reason),
  }
}

function followPeer(state: PublisherState, change: PeerState): void {
  if (change === 'lost') close(state, 'the connection was lost')
  else if (!state.isAsking) {
    state.isAsking = true
    begin(state).catch((error: unknown) => {
      state.log.error('connection failed', { error })
      close(state, 'internal error')
    })
  }
}

/** Begins the session. What arrived before is dropped: a key frame is requested. */
async function begin(state: PublisherState): Promise<void> {
  const { context, attempt } = state
  const decision = await context.authorize(attempt, false)
  if (decision.kind === 'refused') {
    state.log.info('publisher refused', { reason: decision.reason })
    close(state, decision.reason)
    return
  }
  const nowMs = context.nowMs()
  state.lastPacketMs = nowMs
  const { session, token } = attempt
  const owner = { session, streamId: decision.streamId, token }
  const media = context.createMedia(owner)
  media.receiveData(['onMetaData', new Map([['encoder', describeAgent(state.request)]])])
  if (!state.isClosed) state.live = createLive(state, media, nowMs)
  context.registry.begin({
    ...owner,
    media,
    lastByteMs: () => state.lastPacketMs,
    disconnect: (reason) => close(state, reason),
  })
  state.log.info('publisher accepted', { stream_id: decision.streamId })
  // The gateway has put it on the air: it learns of the end even where the publisher left meanwhile.
  if (state.isClosed) context.registry.end(session, 'the publisher left before it was accepted')
}

function describeAgent({ agent }: WhipRequest): string {
  return `WHIP${agent === null ? '' : `, ${agent.slice(0, MAX_AGENT_CHARS)}`}`
}

function createLive(state: PublisherState, media: SessionMedia, nowMs: number): PublisherState['live'] {
  const { offer, context } = state
  const bridge = createMediaBridge({
    codec: offer.tracks.some(({ codec }) => codec === 'vp8') ? 'vp8' : 'h264',
    ffmpegPath: context.ffmpegPath,
    onTag: (tag) => receiveTag(state, media, tag),
    onFailure: (reason) => close(state, reason),
  })
  const receiver = createRtpReceiver({
    tracks: offer.tracks,
    startMs: nowMs,
    onVideo: (frame, timeMs) => bridge.takeVideo(frame, timeMs),
    onAudio: (data, timeMs) => bridge.takeAudio(data, timeMs),
    sendFeedback: (mid, bytes) => state.peer?.send(mid, bytes),
  })
  return { media, bridge, receiver }
}

function receiveTag(state: PublisherState, media: SessionMedia, { type, timestampMs, body }: FlvTag): void {
  if (state.isClosed) return
  const message = { type, streamId: 1, timestamp: timestampMs >>> 0, body }
  const problem = media.receive(message, state.context.nowMs())
  if (problem !== null) close(state, problem)
}

function receive(state: PublisherState, mid: string, bytes: Buffer): void {
  if (state.isClosed || state.live === null) return
  const nowMs = state.context.nowMs()
  // A publisher whose media has stopped still sends reports.
  if (!isRtcp(bytes)) state.lastPacketMs = nowMs
  state.live.receiver.receive(mid, bytes, nowMs)
}

function tick(state: PublisherState): void {
  const nowMs = state.context.nowMs()
  state.live?.receiver.tick(nowMs)
  if (state.live === null && nowMs - state.openedMs > CONNECT_DEADLINE_MS) close(state, 'no connection in time')
  else if (nowMs - state.lastPacketMs > IDLE_DEADLINE_MS && state.live !== null)
    close(state, `the publisher sent nothing for ${IDLE_DEADLINE_MS / 1000} s`)
}

function close(state: PublisherState, reason: string): void {
  if (state.isClosed) return
  state.isClosed = true
  const { attempt, context, live, request } = state
  if (state.timer !== null) clearInterval(state.timer)
  state.log.info('publisher ended', { stream_id: request.stream_id, reason })
  if (live !== null) context.registry.end(attempt.session, reason)
  state.peer?.close()
  void live?.bridge[Symbol.asyncDispose]()
  state.onClosed()
}
