/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { getRoom } from '../../chat/moderation/update-room.ts'
import type { Visit } from '../visit.ts'
import { ReplayPanel } from './chat-panel.tsx'

type ChatReplayParts = { readonly visit: Visit; readonly archiveId: string; readonly streamId: string }

/** Renders the kept chat of a broadcast, with what the viewer may do with its messages. */
export async function ChatReplay({ visit, archiveId, streamId }: ChatReplayParts) {
  const { context, signedIn, language } = visit
  const { role } = await getRoom(context, signedIn, streamId)
  return <ReplayPanel archiveId={archiveId} streamId={streamId} role={role} viewer={signedIn} language={language} />
}
