import type { LiveContext } from '../context.ts'
import { runEach } from '../../scheduler/run-each.ts'
import { deleteOldEntries } from './store/entries.ts'
import { listUnkeptRooms } from './store/rooms.ts'

/** Rooms that one run handles; the others are handled by the next run. */
const BATCH = 500

/** Deletes what has left the live chat and is not kept with a recording, each room in a transaction of its own. */
export async function deleteUnkeptEntries({ db, transact }: Pick<LiveContext, 'db' | 'transact'>): Promise<void> {
  await runEach(await listUnkeptRooms(db, BATCH), (streamId) => transact((tx) => deleteOldEntries(tx, streamId)))
}
