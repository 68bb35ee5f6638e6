/** The kinds of workers of live, as the mechanism of workers needs them. */

import { deriveWorkerToken } from '../../shared/net/signing.ts'
import type { WorkerKind } from '../workers/worker-kind.ts'
import { failLostArchive } from './archives/fail-lost-archive.ts'
import { ARCHIVE_KIND, archiveIdOf } from './archive-worker.ts'
import { ARCHIVE_ATTEMPTS, archiveSpec } from './archives/pod.ts'
import { BROADCAST_KIND, streamIdOf } from './broadcast-worker.ts'
import { CLIP_KIND, clipIdOf } from './clip-worker.ts'
import { failLostClip } from './clips/callbacks.ts'
import { CLIP_ATTEMPTS, clipSpec } from './clips/pod.ts'
import type { LiveContext } from './context.ts'
import { INGEST_ATTEMPTS, INGEST_KIND, ingestSpec } from './ingest/pod.ts'
import { endLostBroadcast } from './packaging/end-lost-broadcast.ts'
import { BROADCAST_ATTEMPTS, broadcastSpec } from './packaging/pod.ts'
import { STORAGE_ATTEMPTS, STORAGE_KIND, storageSpec } from './storage/pod.ts'
import { findArchive } from './store/archives.ts'
import { findClip } from './store/clips.ts'
import { retryDueTasks } from './store/storage-tasks.ts'
import { findStream } from './store/streams.ts'

/** Returns the kinds of workers of live. */
export function workerKinds(context: LiveContext): WorkerKind[] {
  return [ingestKind(context), broadcastKind(context), archiveKind(context), clipKind(context), storageKind(context)]
}

function ingestKind({ settings }: LiveContext): WorkerKind {
  return {
    kind: INGEST_KIND,
    attempts: INGEST_ATTEMPTS,
    nameOf: ({ id }) => id,
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { ingest_id: id }])),
    specFor: async ({ id }) =>
      ingestSpec(id, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, INGEST_KIND, id)),
    // The periodic work opens its assignment again.
    onLost: async () => undefined,
  }
}

function broadcastKind({ db, settings }: LiveContext): WorkerKind {
  return {
    kind: BROADCAST_KIND,
    attempts: BROADCAST_ATTEMPTS,
    nameOf: ({ id }) => id,
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { stream_id: streamIdOf(id) }])),
    async specFor({ id }) {
      if ((await findStream(db, streamIdOf(id))) === null) return null
      return broadcastSpec(id, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, BROADCAST_KIND, id))
    },
    onLost: endLostBroadcast,
  }
}

function archiveKind({ db, settings }: LiveContext): WorkerKind {
  return {
    kind: ARCHIVE_KIND,
    attempts: ARCHIVE_ATTEMPTS,
    nameOf: ({ id }) => id,
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { archive_id: archiveIdOf(id) }])),
    async specFor({ id }) {
      if ((await findArchive(db, archiveIdOf(id))) === null) return null
      return archiveSpec(id, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, ARCHIVE_KIND, id))
    },
    onLost: failLostArchive,
  }
}

function clipKind({ db, settings }: LiveContext): WorkerKind {
  return {
    kind: CLIP_KIND,
    attempts: CLIP_ATTEMPTS,
    nameOf: ({ id }) => id,
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { clip_id: clipIdOf(id) }])),
    async specFor({ id }) {
      if ((await findClip(db, clipIdOf(id))) === null) return null
      return clipSpec(id, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, CLIP_KIND, id))
    },
    onLost: failLostClip,
  }
}

function storageKind({ settings }: LiveContext): WorkerKind {
  return {
    kind: STORAGE_KIND,
    attempts: STORAGE_ATTEMPTS,
    nameOf: ({ id }) => id,
    subjectsOf: async (ids) => new Map(ids.map((id) => [id, { storage_id: id }])),
    specFor: async ({ id }) =>
      storageSpec(id, settings, deriveWorkerToken(settings.keys.INTERNAL_API_KEY, STORAGE_KIND, id)),
    onLost: (tx, _id, { terminationReason }) => retryDueTasks(tx, `its worker failed: ${terminationReason}`),
  }
}
