/** What an ingest worker takes over from the one before it on its machine: the media of its sessions, and its port. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Log } from '../../../shared/log.ts'
import { restoreSessions } from './media/restore-sessions.ts'
import { restoreSessionMedia } from './media/session-media.ts'
import { ENDED_BYTES, KEEP_ENDED_MS, type PublisherRegistry } from './publisher-registry.ts'

const PORT_FILE = 'port'

/** Adds the sessions of an earlier worker, of which live workers may not have read the end. */
export async function restorePublishers(dir: string, registry: PublisherRegistry, log: Log): Promise<void> {
  const limits = { capacityBytes: ENDED_BYTES, maxAgeMs: KEEP_ENDED_MS }
  for (const saved of await restoreSessions({ dir, ...limits, log })) {
    const { owner, tags } = saved
    log.info('session restored', { session: owner.session, stream_id: owner.streamId, tags: tags.length })
    const media = restoreSessionMedia(saved, () => ENDED_BYTES)
    registry.restore({ ...owner, media, lastByteMs: () => 0, disconnect: () => undefined })
  }
}

/** Returns the port at which the earlier worker served its sessions; 0: unknown. */
export async function readEarlierPort(dir: string): Promise<number> {
  const text = await readFile(join(dir, PORT_FILE), 'utf8').catch(() => '')
  return /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : 0
}

/** Keeps the port for the next worker: live workers ask there for the sessions of this one. */
export async function keepPort(dir: string, port: number): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await writeFile(join(dir, PORT_FILE), String(port))
}
