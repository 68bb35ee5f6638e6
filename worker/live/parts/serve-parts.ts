import { verifyCallback } from '../../../shared/net/signing.ts'
import type { Log } from '../../../shared/log.ts'
import type { Clock } from '../../platform/clock.ts'
import {
  startStreamServer,
  type StreamReply,
  type StreamRequest,
  type StreamServer,
  type WriteBytes,
} from '../../platform/stream-server.ts'
import { createWakeSignal } from '../../platform/wake-signal.ts'
import type { KeptPart, PartBuffer } from './part-buffer.ts'

export type PartServerOptions = {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The worker's token. */
  readonly token: string
  readonly gatewayClock: Clock
  readonly log: Log
}

const PART_PATH = /^\/parts\/(\d{1,10}\/\d{2,4}\/\d{1,10}\.\d{1,5})\.m4s$/
const MAX_CONNECTIONS = 1000
/** A reader of the feed that is this many lines behind is cut: it asks again, and begins with the kept parts. */
const MAX_UNSENT_LINES = 500
const IDLE_MS = 60_000

/**
 * Serves the parts of a broadcast: `GET /feed` and `GET /parts/{run}/{rung}/{n}.{part}.m4s`.
 * @throws Error where the address cannot be bound
 */
export function servePartBuffer(parts: PartBuffer, options: PartServerOptions): Promise<StreamServer> {
  return startStreamServer({
    host: options.host,
    port: options.port,
    maxConnections: MAX_CONNECTIONS,
    handle: (request) => Promise.resolve(answerRequest(parts, request, options)),
    onError: (error) => options.log.debug('reader of parts cut', { error }),
  })
}

function answerRequest(
  parts: PartBuffer,
  request: StreamRequest,
  { token, gatewayClock }: PartServerOptions,
): StreamReply {
  const { method, path } = request
  const signed = { timestamp: request.header('x-timestamp'), signature: request.header('x-signature-256') }
  if (verifyCallback(token, { method, path, body: '' }, signed, gatewayClock.nowMs()) !== 'valid')
    return { status: 401, body: null }
  if (method === 'GET' && path === '/feed') {
    const headers = { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' }
    return { status: 200, headers, body: (write) => sendFeed(parts, write, request.signal) }
  }
  const bytes = method === 'GET' ? parts.find(PART_PATH.exec(path)?.[1] ?? '') : null
  if (bytes === null) return { status: 404, body: null }
  // The next part is wanted soon: the connection stays open.
  const headers = { 'content-type': 'video/mp4', 'content-length': String(bytes.length), connection: 'keep-alive' }
  return { status: 200, headers, body: (write) => write(bytes) }
}

/** Sends the kept parts and then each new one, as lines of JSON, until the reader leaves or is too slow. */
async function sendFeed(parts: PartBuffer, write: WriteBytes, signal: AbortSignal): Promise<void> {
  const added = createWakeSignal()
  let unsent = parts.list().map(formatLine)
  const unsubscribe = parts.subscribe((part) => {
    unsent.push(formatLine(part))
    added.wake()
  })
  try {
    while (!signal.aborted) {
      const lines = unsent
      unsent = []
      if (lines.length > MAX_UNSENT_LINES) throw new Error('the reader is too slow')
      if (lines.length > 0) await write(Buffer.concat(lines))
      if (unsent.length === 0) await added.wait(IDLE_MS, signal)
    }
  } finally {
    unsubscribe()
  }
}

function formatLine({ event }: KeptPart): Buffer {
  return Buffer.from(`${JSON.stringify(event)}\n`)
}
