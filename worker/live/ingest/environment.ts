import * as v from 'valibot'

import { BoundPort, NonEmptyText, WorkerEnvironment } from '../../environment.ts'

/** Environment variables of an ingest worker. */
export const IngestEnvironment = v.pipe(
  v.object({
    ...WorkerEnvironment.entries,
    INGEST_ID: v.pipe(v.string(), v.regex(/^ingest-[a-z0-9-]{1,60}$/, 'must be the id of an ingest')),
    RTMP_HOST: v.optional(NonEmptyText, '127.0.0.1'),
    /** Not set: 1935, or any free port if that one is taken. */
    RTMP_PORT: v.optional(BoundPort),
    /** Not set: 1936, or any free port if that one is taken. */
    RTMPS_PORT: v.optional(BoundPort),
    /** The UDP port of WebRTC. Not set: 8189, or any free port if that one is taken. */
    WHIP_PORT: v.optional(BoundPort),
    /** The name or address by which browsers reach that port. Not set: the addresses of this machine. */
    WHIP_HOST: v.optional(NonEmptyText),
    FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
    TLS_CERT_FILE: v.optional(NonEmptyText),
    TLS_KEY_FILE: v.optional(NonEmptyText),
    /** Where live workers read the sessions. */
    INGEST_HTTP_PORT: v.optional(BoundPort, '0'),
    /** Folder of a copy of what is received, for the worker that follows on this machine. Not set: there is no copy. */
    JOURNAL_DIR: v.optional(NonEmptyText),
  }),
  v.check(
    ({ TLS_CERT_FILE, TLS_KEY_FILE }) => (TLS_CERT_FILE === undefined) === (TLS_KEY_FILE === undefined),
    ': TLS_CERT_FILE and TLS_KEY_FILE must be set together',
  ),
)
export type IngestEnvironment = v.InferOutput<typeof IngestEnvironment>
