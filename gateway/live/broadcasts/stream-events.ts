import type { Context as HonoContext } from 'hono'

import { encodeFrame, streamEvents, type EventWriter } from '../../http/event-stream.ts'
import { createWakeSignal } from '../../scheduler/wake-signal.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { newCode } from '../new-code.ts'
import { removeViewer, type ViewerRef } from '../store/viewers.ts'
import { viewerIdOf } from '../playback/viewer-id.ts'
import type { ViewerLeases } from '../playback/viewer-leases.ts'
import { viewTargets } from '../targets/view-targets.ts'
import { topicOf } from '../topic.ts'
import { findWatchableStream } from './find-own-stream.ts'
import { viewOf } from './get-stream.ts'
import type { StreamView } from './present.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { findStream } from '../store/streams.ts'

/** Interval of looking at a broadcast that another gateway may have changed, in ms. */
const POLL_MS = 1000
/** Changes that come together are sent together, in ms. */
const PAUSE_MS = 100

/**
 * Streams a broadcast's `state`, `viewers` and, to its owner, `health` and `targets` as server-sent events, up to its end.
 * An open stream counts as a viewer; `?viewer=` names the viewer that the page's player has too.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function streamBroadcast(
  context: LiveContext,
  leases: ViewerLeases,
  c: HonoContext,
  { viewer, id }: { readonly viewer: SignedIn | null; readonly id: string },
): Promise<Response> {
  await findWatchableStream(context.db, viewer, id)
  const viewerId = viewerIdOf(c) ?? newCode()
  return streamEvents(c, context.streams, (writer) =>
    writeEvents({ context, leases, viewer, ref: { streamId: id, viewerId } }, writer).catch((error: unknown) =>
      context.log.warn('event stream of a broadcast failed; its client reconnects', { stream_id: id, error }),
    ),
  )
}

type BroadcastEvents = {
  readonly context: LiveContext
  readonly leases: ViewerLeases
  readonly viewer: SignedIn | null
  readonly ref: ViewerRef
}

async function writeEvents(
  { context, leases, viewer, ref }: BroadcastEvents,
  { write, signal }: EventWriter,
): Promise<void> {
  const { streamId } = ref
  const sent = new Map<string, string>()
  let number = 0
  const send = (event: string, value: unknown) => {
    const data = JSON.stringify(value)
    if (sent.get(event) === data) return
    sent.set(event, data)
    write(encodeFrame({ id: ++number, event, data }))
  }
  const { wake, createSleeper } = createWakeSignal()
  const sleep = createSleeper()
  const unsubscribe = context.notifier.subscribe(topicOf(streamId), () => setTimeout(wake, PAUSE_MS))
  signal.addEventListener('abort', () => wake(), { once: true })
  try {
    while (!signal.aborted) {
      const found = await findStream(context.db, streamId)
      if (found === null) return
      sendView(send, viewOf(context, found, viewer))
      if (viewer?.user.userId === found.stream.userId) send('targets', await viewTargets(context.db, found.stream))
      if (found.stream.state === 'ended') return
      if (isOnAir(found.stream.state)) leases.see(ref)
      await sleep(POLL_MS)
    }
  } finally {
    unsubscribe()
    await removeViewer(context.db, ref)
  }
}

function sendView(send: (event: string, value: unknown) => void, view: StreamView): void {
  const { state, title, started_at, ended_at, poster_url } = view
  // The address of one that is not public has a new token each time.
  send('state', { state, title, started_at, ended_at, poster_url, is_playable: view.playback_url !== null })
  send('viewers', { viewer_count: view.viewer_count, peak_viewers: view.peak_viewers })
  if (view.health !== null) send('health', view.health)
}
