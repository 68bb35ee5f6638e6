import { hashText } from '../../../shared/net/hash.ts'
import { newUuid } from '../../../shared/ids.ts'
import type { Log } from '../../../shared/log.ts'
import type { TcpConnection } from '../../platform/tcp-server.ts'
import type { PublishDecision } from './authorize-publisher.ts'
import type { SessionMedia } from './media/session-media.ts'
import type { JournalOwner } from './media/session-journal.ts'
import type { Publisher, PublisherRegistry } from './publisher-registry.ts'
import { createRtmpSession, type RtmpSession } from './rtmp/rtmp-session.ts'
import { RtmpError } from './rtmp/rtmp-error.ts'
import type { RtmpEvent } from './rtmp/session-state.ts'

/** An encoder that asks to publish. */
export type PublishAttempt = {
  readonly session: string
  readonly token: string
  /** SHA-256 of the stream key, in hex. */
  readonly keyHash: string
  readonly address: string
}

export type ConnectionContext = {
  readonly authorize: (attempt: PublishAttempt) => Promise<PublishDecision>
  readonly registry: PublisherRegistry
  readonly createToken: () => string
  /** Creates the media of a session that begins now. */
  readonly createMedia: (owner: JournalOwner) => SessionMedia
  readonly nowMs: () => number
  readonly deadlines: ConnectionDeadlines
  readonly log: Log
}

/** Deadlines of a connection, in ms. */
export type ConnectionDeadlines = {
  /** From the connection to the end of the handshake. */
  readonly handshakeMs: number
  /** From the connection to the command `publish`. */
  readonly publishMs: number
  /** Between two received bytes, and between two messages of media. */
  readonly idleMs: number
}

/** A served connection. */
export type EncoderConnection = {
  /** Closes the connection where a deadline has passed. */
  checkDeadlines(): void
  /** Sends the encoder a reason in words. What it sends until it leaves still counts; soon its connection is closed. */
  drain(reason: string): void
}

/** How long a closed connection stays, so that the encoder reads the reason. */
const LINGER_MS = 400
/** How long an encoder may take to leave, so that what is on its way from it arrives. */
const DRAIN_MS = 1000
/** Unsent answers of an encoder that does not read. */
const MAX_UNSENT_BYTES = 1024 * 1024

type ConnectionState = {
  readonly connection: TcpConnection
  readonly context: ConnectionContext
  readonly rtmp: RtmpSession
  readonly log: Log
  readonly connectedMs: number
  lastByteMs: number
  lastMediaMs: number
  hasAsked: boolean
  publisher: Publisher | null
  /** Why the session ends, as the encoder was informed; `null`: it goes on. */
  drainReason: string | null
  isClosed: boolean
}

/** Serves an encoder's connection until it closes. Whatever the encoder sends, nothing is thrown. */
export function serveConnection(connection: TcpConnection, context: ConnectionContext): EncoderConnection {
  const { stream, address } = connection
  const nowMs = context.nowMs()
  const state: ConnectionState = {
    connection,
    context,
    rtmp: createRtmpSession((bytes) => send(state, bytes)),
    log: context.log.with({ address }),
    connectedMs: nowMs,
    lastByteMs: nowMs,
    lastMediaMs: nowMs,
    hasAsked: false,
    publisher: null,
    drainReason: null,
    isClosed: false,
  }
  stream.on('data', (bytes: Buffer) => {
    if (state.isClosed) return
    state.lastByteMs = context.nowMs()
    guard(state, () => {
      state.rtmp.receive(bytes)
      handleEvents(state)
    })
  })
  stream.on('end', () => close(state, 'the encoder closed the connection'))
  stream.on('close', () => close(state, 'the connection was lost'))
  return { checkDeadlines: () => checkDeadlines(state), drain: (reason) => drain(state, reason) }
}

function send({ connection, isClosed }: ConnectionState, bytes: Buffer): void {
  const { stream } = connection
  if (!stream.writable) return
  if (stream.writableLength > MAX_UNSENT_BYTES && !isClosed) stream.destroy()
  else stream.write(bytes)
}

/** Runs a step. What breaks the protocol closes the connection with a reason; an error of this program is logged too. */
function guard(state: ConnectionState, step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!(error instanceof RtmpError)) state.log.error('connection failed', { error })
    close(state, error instanceof RtmpError ? `the data cannot be read: ${error.message}` : 'internal error')
  }
}

function handleEvents(state: ConnectionState): void {
  while (!state.isClosed) {
    const event = state.rtmp.nextEvent()
    if (event === null) return
    handleEvent(state, event)
  }
}

function handleEvent(state: ConnectionState, event: RtmpEvent): void {
  const { publisher } = state
  switch (event.kind) {
    case 'publish':
      decide(state, event.name).catch((error: unknown) => {
        state.log.error('connection failed', { error })
        close(state, 'internal error')
      })
      return
    case 'media': {
      state.lastMediaMs = state.lastByteMs
      const problem = publisher?.media.receive(event.message, state.lastByteMs) ?? null
      if (problem !== null) close(state, problem)
      return
    }
    case 'data':
      publisher?.media.receiveData(event.values)
      return
    case 'unpublish':
      close(state, 'the encoder stopped')
  }
}

/** Waits for the gateway's decision. Meanwhile nothing is read. */
async function decide(state: ConnectionState, key: string): Promise<void> {
  const { context, connection, rtmp } = state
  state.hasAsked = true
  connection.stream.pause()
  const attempt = {
    session: newUuid(),
    token: context.createToken(),
    keyHash: hashText(key),
    address: connection.address,
  }
  const decision = await context.authorize(attempt)
  if (decision.kind === 'refused') {
    state.log.info('publisher refused', { reason: decision.reason })
    close(state, decision.reason)
    return
  }
  begin(state, attempt, decision.streamId)
  if (state.isClosed) return
  guard(state, () => {
    rtmp.acceptPublish()
    connection.stream.resume()
    handleEvents(state)
  })
}

/** Begins the session. Where the encoder left meanwhile, it ends at once, so that the gateway learns of it. */
function begin(state: ConnectionState, attempt: PublishAttempt, streamId: string): void {
  const { context, connection } = state
  const nowMs = context.nowMs()
  state.lastByteMs = nowMs
  state.lastMediaMs = nowMs
  const owner = { session: attempt.session, streamId, token: attempt.token }
  const publisher: Publisher = {
    ...owner,
    media: context.createMedia(owner),
    lastByteMs: () => state.lastByteMs,
    disconnect: (reason) => close(state, reason),
  }
  state.publisher = publisher
  connection.release()
  state.log.info('publisher accepted', { stream_id: streamId, session: attempt.session })
  context.registry.begin(publisher)
  if (state.isClosed) context.registry.end(publisher.session, 'the encoder left before it was accepted')
}

function drain(state: ConnectionState, reason: string): void {
  if (state.publisher === null) return close(state, reason)
  if (state.isClosed || state.drainReason !== null) return
  state.drainReason = reason
  state.rtmp.announceEnd(reason)
  setTimeout(() => close(state, reason), DRAIN_MS).unref()
}

/** Closes the connection once: the encoder reads the reason, the session ends. */
function close(state: ConnectionState, cause: string): void {
  if (state.isClosed) return
  state.isClosed = true
  const { connection, context, publisher, rtmp, drainReason } = state
  const reason = drainReason ?? cause
  const { stream } = connection
  if (publisher === null) state.log.debug('connection closed', { reason })
  else {
    const dropped = publisher.media.droppedGroups()
    state.log.info('publisher ended', { session: publisher.session, stream_id: publisher.streamId, reason, dropped })
    context.registry.end(publisher.session, reason)
  }
  if (rtmp.hasHandshake() && drainReason === null) rtmp.refuse(reason)
  stream.end()
  // What is still sent is read and dropped: unread bytes would reset the connection before the reason arrives.
  stream.resume()
  setTimeout(() => stream.destroy(), LINGER_MS).unref()
}

function checkDeadlines(state: ConnectionState): void {
  if (state.isClosed) return
  const { deadlines, nowMs } = state.context
  const now = nowMs()
  const ageMs = now - state.connectedMs
  if (!state.rtmp.hasHandshake() && ageMs > deadlines.handshakeMs) close(state, 'no handshake in time')
  else if (!state.hasAsked && ageMs > deadlines.publishMs) close(state, 'nothing was published in time')
  else if (now - Math.min(state.lastByteMs, state.lastMediaMs) > deadlines.idleMs && state.publisher !== null)
    close(state, `the encoder sent nothing for ${deadlines.idleMs / 1000} s`)
}
