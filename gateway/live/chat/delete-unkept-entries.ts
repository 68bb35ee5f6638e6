import type { LiveContext } from '../context.ts'
import { deleteOldEntries } from './store/entries.ts'
import { listUnkeptRooms } from './store/rooms.ts'

/** Rooms that one run handles; the others are handled by the next run. */
const BATCH = 500

/** Deletes what has left the live chat and is not kept with a recording, each room in a transaction of its own. */
export async function deleteUnkeptEntries({ db, transact }: Pick<LiveContext, 'db' | 'transact'>): Promise<void> {
  for (const streamId of await listUnkeptRooms(db, BATCH)) await transact((tx) => deleteOldEntries(tx, streamId))
}
