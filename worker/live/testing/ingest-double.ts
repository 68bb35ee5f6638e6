import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import type { IngestSource } from '../../../shared/contract/live.ts'
import { verifyCallback } from '../../../shared/net/signing.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { encodeFlvHeader, encodeFlvTag, TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readTaggedFrame } from '../source/video-frame.ts'
import type { CounterClip } from './counter-clip.ts'

/** A server that behaves as the ingest does: it sends a clip in real time, as if an encoder published it. */
export type IngestDouble = AsyncDisposable & {
  readonly source: IngestSource
  /** Starts of the requests so far: the `from` of each. */
  readonly requests: readonly (number | null)[]
  /** Cuts every open connection. */
  cutConnections(): void
  /** Sends the rest of a clip that was held. */
  release(): void
}

export type IngestDoubleOptions = {
  /** Answers with this status instead, while it returns one. */
  readonly refuse?: () => number | null
  /** How long the encoder had been publishing before the first request, in seconds. */
  readonly headStartSec?: number
  /** Sends this many times faster than real time. */
  readonly speed?: number
  /** Sends what follows this time of the clip only after `release`: the session goes on until then, however long. */
  readonly holdFromMs?: number
}

const TOKEN = 'ingest-token-0123456789'

/** Starts the server. The broadcast begins with the first request, or `headStartSec` before it. */
export async function startIngestDouble(clip: CounterClip, options: IngestDoubleOptions = {}): Promise<IngestDouble> {
  const session = randomUUID()
  const requests: (number | null)[] = []
  const open = new Set<ServerResponse>()
  const headStartMs = (options.headStartSec ?? 0) * 1000
  let beganMs: number | null = null
  let heldFromMs = options.holdFromMs ?? Infinity
  const isDue = (ms: number) => ms < heldFromMs && ms <= (Date.now() - (beganMs ?? 0)) * (options.speed ?? 1)
  const server = await startLocalServer(async (request, response) => {
    const { url = '', headers } = request
    const signature = { timestamp: String(headers['x-timestamp']), signature: String(headers['x-signature-256']) }
    const verdict = verifyCallback(TOKEN, { method: 'GET', path: url, body: '' }, signature, Date.now())
    const status = verdict === 'valid' ? (options.refuse?.() ?? 200) : 401
    const from = new URL(url, 'http://ingest').searchParams.get('from')
    requests.push(from === null ? null : Number(from))
    if (status !== 200) {
      response.writeHead(status).end()
      return
    }
    beganMs ??= Date.now() - headStartMs
    open.add(response)
    response.on('close', () => open.delete(response))
    await sendClip(response, clip, { from: from === null ? null : Number(from), beganMs, isDue })
  })
  return {
    source: { session, url: `${server.origin}/sessions/${session}`, token: TOKEN },
    requests,
    cutConnections: () => {
      for (const response of open) response.socket?.destroy()
    },
    release: () => {
      heldFromMs = Infinity
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

type Playing = {
  readonly from: number | null
  readonly beganMs: number
  /** Reports whether the frame at this time of the clip may be sent. */
  readonly isDue: (timestampMs: number) => boolean
}

async function sendClip(response: ServerResponse, { tags }: CounterClip, playing: Playing): Promise<void> {
  const { from, beganMs, isDue } = playing
  const media = tags.filter((tag) => !isHeader(tag))
  const keys = media.filter((tag) => readTaggedFrame(tag)?.isKey === true)
  const start = keys.findLast((tag) => (from === null ? isDue(tag.timestampMs) : tag.timestampMs <= from)) ?? keys[0]
  const hasTrack = (type: number) => tags.some((tag) => tag.type === type)
  response.writeHead(200, {
    'content-type': 'video/x-flv',
    'x-base-ms': String(beganMs),
    'x-first-timestamp': String(start?.timestampMs ?? 0),
  })
  response.write(encodeFlvHeader({ hasAudio: hasTrack(TAG_TYPE.audio), hasVideo: hasTrack(TAG_TYPE.video) }))
  for (const tag of tags.filter(isHeader)) response.write(encodeFlvTag(tag))
  const first = start === undefined ? 0 : media.indexOf(start)
  for (const tag of media.slice(first)) {
    while (!isDue(tag.timestampMs) && !response.destroyed) await delay(5)
    if (response.destroyed) return
    response.write(encodeFlvTag(tag))
  }
  response.end()
}

/** Returns whether a tag is a decoder configuration or metadata. */
function isHeader(tag: FlvTag): boolean {
  if (tag.type === TAG_TYPE.video) return readTaggedFrame(tag) === null
  return tag.type === TAG_TYPE.script || tag.body[1] === 0
}
