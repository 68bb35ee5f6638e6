/** One attempt to push a session to another platform: a connection, a publication, and media until one of them ends. */

import { isPublicAddress, PRIVATE_ADDRESS } from '../../../shared/net/safe-url.ts'
import { whenPrivateForbidden, type ChangingPolicy } from '../../platform/changing-policy.ts'
import { connectTcp, type TcpSocket } from '../../platform/tcp-client.ts'
import { RtmpError } from '../ingest/rtmp/rtmp-error.ts'
import type { FeedSession } from './media-feed.ts'
import { createPublishSession, type PublishPhase, type PublishSession, type PublishTarget } from './publish-session.ts'
import type { PushFailure } from './push-status.ts'
import { createSendQueue, type SendLimits, type SendQueue } from './send-queue.ts'
import { createTargetMedia } from './target-media.ts'

/** How attempts are made: the same for all targets. */
export type PushMeans = {
  readonly policy: ChangingPolicy
  readonly limits: SendLimits
  /** Certificate to trust, in PEM; not set: the known authorities. */
  readonly ca?: string | undefined
}

export type PushAttempt = {
  readonly means: PushMeans
  readonly target: PublishTarget
  readonly session: FeedSession
  /** The target was removed, or the worker stops. */
  readonly stopped: AbortSignal
  /** The platform is to end the broadcast when the attempt is stopped. */
  readonly isRemoved: () => boolean
  /** The platform takes the broadcast. */
  readonly onAccepted: () => void
  readonly onSent: (bytes: number) => void
}

/** `null`: the session has ended, or the attempt was stopped. */
export type PushEnd = PushFailure | null

const CONNECT_MS = 10_000
/** From the connection to the acceptance of the broadcast. */
const ACCEPT_MS = 15_000
/** What a platform may send at any time, and how much more for each byte that it received. */
const FREE_BYTES = 256 * 1024
const ANSWER_SHARE = 0.1
/** How long a connection stays, so that the platform reads that the broadcast is over. */
const LINGER_MS = 1000

const TOO_SLOW: PushFailure = { problem: 'too_slow', reason: 'the platform takes the broadcast too slowly' }
const SILENT: PushFailure = {
  problem: 'timeout',
  reason: `the platform did not accept it within ${ACCEPT_MS / 1000} s`,
}
const FORBIDDEN: PushFailure = { problem: 'address_forbidden', reason: `the address ${PRIVATE_ADDRESS}` }
const FLOODING: PushFailure = { problem: 'protocol', reason: 'the server sends more than a server of RTMP does' }

/** Pushes a session until it ends, the attempt is stopped, or the platform fails. Nothing is thrown. */
export async function pushOnce(attempt: PushAttempt): Promise<PushEnd> {
  const { means, target, session, stopped } = attempt
  const signal = AbortSignal.any([session.ended, stopped])
  const { hostname, port, isSecure } = target.server
  const connecting = await connectTcp({
    hostname,
    port,
    isSecure,
    policy: means.policy,
    timeoutMs: CONNECT_MS,
    signal,
    ca: means.ca,
  })
  if (connecting.kind === 'aborted') return null
  if (connecting.kind === 'failed') return { problem: connecting.problem, reason: connecting.reason }
  return publishOn(connecting.socket, attempt, signal)
}

type OpenAttempt = {
  readonly attempt: PushAttempt
  readonly socket: TcpSocket
  readonly rtmp: PublishSession
  receivedBytes: number
  sentBytes: number
  queue: SendQueue | null
  stopListening: () => void
  /** Ends the attempt; the first end counts. */
  readonly end: (end: PushEnd) => void
}

function publishOn(socket: TcpSocket, attempt: PushAttempt, signal: AbortSignal): Promise<PushEnd> {
  return new Promise((resolve) => {
    let hasEnded = false
    const open: OpenAttempt = {
      attempt,
      socket,
      rtmp: createPublishSession(attempt.target, (bytes) => void socket.write(bytes)),
      receivedBytes: 0,
      sentBytes: 0,
      queue: null,
      stopListening: () => {},
      end: (end) => {
        if (hasEnded) return
        hasEnded = true
        clearTimeout(deadline)
        signal.removeEventListener('abort', onAbort)
        unsubscribe()
        close(open)
        resolve(end)
      },
    }
    const deadline = setTimeout(() => {
      if (open.queue === null) open.end(SILENT)
    }, ACCEPT_MS)
    const onAbort = () => open.end(null)
    const unsubscribe = whenPrivateForbidden(attempt.means.policy, () => {
      if (!isPublicAddress(socket.remoteAddress ?? '')) open.end(FORBIDDEN)
    })
    signal.addEventListener('abort', onAbort)
    socket.on('data', (bytes: Buffer) => receive(open, bytes))
    socket.on('error', (error: NodeJS.ErrnoException) => open.end(describeLoss(open.rtmp.phase(), error.code)))
    socket.on('close', () => open.end(describeLoss(open.rtmp.phase(), undefined)))
    if (socket.destroyed || signal.aborted) return open.end(signal.aborted ? null : describeLoss(open.rtmp.phase(), ''))
    open.rtmp.start()
  })
}

function receive(open: OpenAttempt, bytes: Buffer): void {
  open.receivedBytes += bytes.length
  // A server that floods must not keep this program from the broadcast itself.
  if (open.receivedBytes > FREE_BYTES + open.sentBytes * ANSWER_SHARE) return open.end(FLOODING)
  try {
    const phase = open.rtmp.receive(bytes)
    if (phase.kind === 'over') open.end(phase.refusal)
    else if (phase.kind === 'publishing' && open.queue === null) beginMedia(open)
  } catch (error) {
    const why = error instanceof RtmpError ? error.message : 'its answer cannot be read'
    open.end({ problem: 'protocol', reason: `the server is not understood: ${why}` })
  }
}

function beginMedia(open: OpenAttempt): void {
  const { attempt, socket, rtmp } = open
  const { session, means, onAccepted, onSent } = attempt
  const media = createTargetMedia(session)
  const queue = createSendQueue({
    stream: socket,
    limits: means.limits,
    encode: rtmp.encode,
    onSent: (bytes) => {
      open.sentBytes += bytes
      onSent(bytes)
    },
  })
  open.queue = queue
  open.stopListening = session.listen({
    onTag: (tag) => {
      if (!queue.add(media.take(tag))) open.end(TOO_SLOW)
    },
    onGap: media.skipToKeyFrame,
  })
  onAccepted()
}

/** Closes the connection. The broadcast ends on a platform that was removed only: an encoder or a worker may come back. */
function close({ attempt, socket, rtmp, queue, stopListening }: OpenAttempt): void {
  stopListening()
  queue?.close()
  socket.removeAllListeners('data')
  if (attempt.isRemoved() && socket.writable) {
    rtmp.unpublish()
    socket.resume()
    socket.end()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  } else socket.destroy()
}

function describeLoss({ kind }: PublishPhase, code: string | undefined): PushFailure {
  const because = code === undefined || code === '' ? '' : `: ${code}`
  if (kind === 'deciding') {
    const reason = `the platform closed the connection when it had received the stream key, which may be wrong${because}`
    return { problem: 'closed_unaccepted', reason }
  }
  return { problem: 'closed', reason: `the platform closed the connection${because}` }
}
