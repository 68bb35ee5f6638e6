import { verifyCallback } from '../../../shared/net/signing.ts'
import type { StreamReply, StreamRequest, WriteBytes } from '../../platform/stream-server.ts'
import { sleep } from '../../platform/wake-signal.ts'
import { encodeFlvHeader } from '../flv/flv-tag.ts'
import type { KeptTag, ReplayStart } from './media/replay-buffer.ts'
import { waitForChange, waitForNextTag, type SessionMedia } from './media/session-media.ts'
import type { PublisherRegistry } from './publisher-registry.ts'

/** `/sessions/{session}.flv?from=MS`. */
const PATH = /^\/sessions\/([0-9a-f-]{36})\.flv(?:\?from=(\d{1,15}))?$/
/** A reader that has this much unread, beyond what was kept when it began, is cut. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024
/** Bytes that are sent in one go. */
const BATCH_BYTES = 256 * 1024
/** How long tags are gathered to be sent together: writing costs more than all else that is done with a tag. */
const GATHER_MS = 20

/** Answers a live worker's request for a session. The request must be signed with the session's token. */
export async function serveReader(
  registry: PublisherRegistry,
  request: StreamRequest,
  nowMs: number,
): Promise<StreamReply> {
  const [, session = '', from] = PATH.exec(request.path) ?? []
  const publisher = request.method === 'GET' ? registry.find(session) : null
  if (publisher === null) return { status: 404, body: null }
  const signed = { timestamp: request.header('x-timestamp'), signature: request.header('x-signature-256') }
  const callback = { method: request.method, path: request.path, body: '' }
  if (verifyCallback(publisher.token, callback, signed, nowMs) !== 'valid') return { status: 401, body: null }
  return openReader(publisher.media, from === undefined ? null : Number(from), request.signal)
}

/** Waits for the first key frame, and answers with what follows it; 404 where the session ended without one. */
async function openReader(media: SessionMedia, fromMs: number | null, signal: AbortSignal): Promise<StreamReply> {
  await waitForChange(media, () => media.findStart(fromMs) !== null, signal)
  const start = media.findStart(fromMs)
  if (start === null) return { status: 404, body: null }
  return {
    status: 200,
    headers: {
      'content-type': 'video/x-flv',
      'cache-control': 'no-store',
      'x-first-timestamp': String(start.first.timestampMs),
      'x-base-ms': String(media.baseMs() ?? 0),
    },
    body: (write) => sendMedia(media, start, write, signal),
  }
}

/** Sends what was kept, and then each tag as it comes, until the session has ended. */
async function sendMedia(
  media: SessionMedia,
  { start, first }: ReplayStart,
  write: WriteBytes,
  signal: AbortSignal,
): Promise<void> {
  const cut = new AbortController()
  const ended = AbortSignal.any([signal, cut.signal])
  const limitBytes = media.endPosition() - first.endPosition + MAX_UNREAD_BYTES
  let sentPosition = first.endPosition
  const stopWatching = media.watch(() => {
    if (media.endPosition() - sentPosition > limitBytes) cut.abort()
  })
  try {
    const fileHeader = encodeFlvHeader({ hasAudio: start.audio !== null, hasVideo: start.video !== null })
    const headers = [start.metadata, start.video, start.audio].filter((bytes) => bytes !== null)
    await write(Buffer.concat([fileHeader, ...headers, first.bytes]))
    for (let last = first; !ended.aborted;) {
      const batch = collectBatch(last)
      last = batch.last
      if (batch.bytes !== null) await raceAbort(write(batch.bytes), ended)
      else if (media.hasEnded()) return
      else await gatherTags(media, last, ended)
      sentPosition = last.endPosition
    }
    if (cut.signal.aborted) throw new Error('the reader was too slow')
  } finally {
    stopWatching()
  }
}

/** Waits for the next tag, and a moment for those that follow at once. */
async function gatherTags(media: SessionMedia, last: KeptTag, signal: AbortSignal): Promise<void> {
  await waitForNextTag(media, last, signal)
  await sleep(GATHER_MS, signal)
}

/** Collects the tags after `last` that exist; `bytes` is `null` where there are none. */
function collectBatch(last: KeptTag): { readonly bytes: Buffer | null; readonly last: KeptTag } {
  const chunks: Buffer[] = []
  let length = 0
  let tag = last
  while (tag.next !== null && length < BATCH_BYTES) {
    tag = tag.next
    chunks.push(tag.bytes)
    length += tag.bytes.length
  }
  return { bytes: length === 0 ? null : Buffer.concat(chunks, length), last: tag }
}

/** Resolves with a promise, or when the signal aborts. */
function raceAbort(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) resolve()
  })
}
