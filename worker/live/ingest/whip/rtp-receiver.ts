/** The receiver of a session's packets: it puts them in order, requests what is missing, and puts frames together. */

import { createH264Assembler } from './assemble-h264.ts'
import { createVp8Assembler } from './assemble-vp8.ts'
import { createMediaClock, type ClockedTrack, type MediaClock } from './media-clock.ts'
import { createPacketOrder, type OrderedPacket, type PacketOrder } from './packet-order.ts'
import type { OfferedTrack } from './read-offer.ts'
import {
  composeBitrateLimit,
  composeNack,
  composePictureLoss,
  composeReceiverReport,
  readSenderReports,
  type SenderReport,
} from './rtcp.ts'
import { isRtcp, readRtpPacket } from './rtp-packet.ts'
import type { FrameAssembler, ReceivedFrame } from './video-frame.ts'

export type RtpReceiver = {
  /** Takes a packet of RTP or RTCP of the track `mid`. */
  receive(mid: string, bytes: Buffer, nowMs: number): void
  /** Sends the feedback that is due. To be called every 50 ms or so. */
  tick(nowMs: number): void
}

export type RtpReceiverOptions = {
  readonly tracks: readonly OfferedTrack[]
  /** Time of the session's begin, in ms. */
  readonly startMs: number
  /** Receives whole frames of video, from a key frame on; `timeMs` is on the session's time. */
  readonly onVideo: (frame: ReceivedFrame, timeMs: number, nowMs: number) => void
  readonly onAudio: (data: Buffer, timeMs: number, nowMs: number) => void
  readonly sendFeedback: (mid: string, bytes: Buffer) => void
}

/** Segments begin with key frames, which browsers do not send by themselves, in ms. */
const KEY_FRAME_INTERVAL_MS = 2000
/** A requested key frame takes this long to come, in ms. */
const KEY_FRAME_PATIENCE_MS = 400
const REPORT_INTERVAL_MS = 1000
/** What a publisher may send, in bit/s. Browsers send no more than they need. */
const MAX_BITS_PER_SECOND = 6_000_000

type ReceivedTrack = {
  readonly offered: OfferedTrack
  readonly name: ClockedTrack
  readonly order: PacketOrder
  readonly assembler: FrameAssembler | null
  ssrc: number | null
  lastReport: { readonly report: SenderReport; readonly atMs: number } | null
  reported: { readonly received: number; readonly expected: number }
  reportedMs: number
  /** Frames up to the next key frame cannot be decoded. */
  needsKeyFrame: boolean
  keyFrameMs: number
  keyRequestMs: number
}

type ReceiverState = {
  readonly options: RtpReceiverOptions
  readonly clock: MediaClock
  readonly tracks: ReadonlyMap<string, ReceivedTrack>
}

/** Creates the receiver of a session. */
export function createRtpReceiver(options: RtpReceiverOptions): RtpReceiver {
  const tracks = new Map(options.tracks.map((offered) => [offered.mid, createTrack(offered)]))
  const state: ReceiverState = { options, clock: createMediaClock(options.startMs), tracks }
  return {
    receive: (mid, bytes, nowMs) => {
      const track = tracks.get(mid)
      if (track === undefined) return
      if (isRtcp(bytes)) return receiveReports(state, bytes, nowMs)
      const packet = readRtpPacket(bytes)
      if (packet === null || packet.payloadType !== track.offered.payloadType) return
      track.ssrc = packet.ssrc
      if (packet.payload.length === 0 && track.assembler === null) return
      takePackets(state, track, track.order.push(packet, nowMs), nowMs)
    },
    tick: (nowMs) => {
      for (const track of tracks.values()) {
        takePackets(state, track, track.order.expire(nowMs), nowMs)
        sendFeedback(state, track, nowMs)
      }
    },
  }
}

function createTrack(offered: OfferedTrack): ReceivedTrack {
  return {
    offered,
    name: offered.codec === 'opus' ? 'audio' : 'video',
    order: createPacketOrder(),
    assembler: createAssembler(offered.codec),
    ssrc: null,
    lastReport: null,
    reported: { received: 0, expected: 0 },
    reportedMs: Number.NEGATIVE_INFINITY,
    needsKeyFrame: true,
    keyFrameMs: Number.NEGATIVE_INFINITY,
    keyRequestMs: Number.NEGATIVE_INFINITY,
  }
}

function createAssembler(codec: OfferedTrack['codec']): FrameAssembler | null {
  if (codec === 'opus') return null
  return codec === 'h264' ? createH264Assembler() : createVp8Assembler()
}

/** Takes the reports of senders. A browser sends those of both tracks on either one. */
function receiveReports({ tracks, clock }: ReceiverState, bytes: Buffer, nowMs: number): void {
  for (const report of readSenderReports(bytes)) {
    for (const track of tracks.values()) {
      if (track.ssrc !== report.ssrc) continue
      track.lastReport = { report, atMs: nowMs }
      clock.report(track.name, report)
    }
  }
}

function takePackets(
  state: ReceiverState,
  track: ReceivedTrack,
  packets: readonly OrderedPacket[],
  nowMs: number,
): void {
  const { clock, options } = state
  for (const ordered of packets) {
    const { packet } = ordered
    if (track.assembler === null) {
      options.onAudio(packet.payload, clock.place('audio', packet.timestamp, nowMs), nowMs)
      continue
    }
    if (ordered.isAfterLoss) track.needsKeyFrame = true
    for (const frame of track.assembler.push(ordered)) takeFrame(state, track, frame, nowMs)
  }
}

function takeFrame({ clock, options }: ReceiverState, track: ReceivedTrack, frame: ReceivedFrame, nowMs: number): void {
  if (track.needsKeyFrame && !frame.isKey) return
  track.needsKeyFrame = false
  if (frame.isKey) track.keyFrameMs = nowMs
  options.onVideo(frame, clock.place('video', frame.timestamp, nowMs), nowMs)
}

function sendFeedback({ options }: ReceiverState, track: ReceivedTrack, nowMs: number): void {
  const { ssrc, order, offered } = track
  if (ssrc === null) return
  const send = (bytes: Buffer) => options.sendFeedback(offered.mid, bytes)
  const missing = order.takeRequests(nowMs)
  if (track.name === 'video') {
    if (missing.length > 0) send(composeNack(ssrc, missing))
    if (isKeyFrameDue(track, nowMs)) {
      track.keyRequestMs = nowMs
      send(composePictureLoss(ssrc))
    }
  }
  if (nowMs - track.reportedMs < REPORT_INTERVAL_MS) return
  track.reportedMs = nowMs
  send(composeReport(track, ssrc, nowMs))
  if (track.name === 'video') send(composeBitrateLimit(ssrc, MAX_BITS_PER_SECOND))
}

function isKeyFrameDue({ needsKeyFrame, keyFrameMs, keyRequestMs }: ReceivedTrack, nowMs: number): boolean {
  if (nowMs - keyRequestMs < KEY_FRAME_PATIENCE_MS) return false
  return needsKeyFrame || nowMs - keyFrameMs >= KEY_FRAME_INTERVAL_MS
}

function composeReport(track: ReceivedTrack, ssrc: number, nowMs: number): Buffer {
  const { lastReport, reported } = track
  const { received, expected, highest } = track.order.counts()
  const newlyExpected = expected - reported.expected
  const newlyLost = newlyExpected - (received - reported.received)
  track.reported = { received, expected }
  return composeReceiverReport({
    ssrc,
    lostShare: newlyExpected <= 0 ? 0 : Math.max(0, newlyLost / newlyExpected),
    lostPackets: Math.max(0, expected - received),
    highestSequence: highest,
    lastReport: lastReport === null ? null : { ntpMiddle: lastReport.report.ntpMiddle, ageMs: nowMs - lastReport.atMs },
  })
}
