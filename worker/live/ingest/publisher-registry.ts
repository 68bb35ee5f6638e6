import { STALE_PUBLISHER_MS, type IngestSession, type SessionVerdict } from '../../../shared/contract/live.ts'
import type { SessionMedia } from './media/session-media.ts'

/** A session: an encoder that publishes, or has published lately. */
export type Publisher = {
  readonly session: string
  readonly streamId: string
  /** Key of the requests that read it. */
  readonly token: string
  readonly media: SessionMedia
  /** Time of the last received byte, in ms of the worker's clock. */
  readonly lastByteMs: () => number
  /** Sends the encoder the reason in words, and closes its connection. */
  readonly disconnect: (reason: string) => void
}

/** All sessions of an ingest worker. */
export type PublisherRegistry = {
  /** Adds a session that the gateway has accepted. An older session of the same broadcast ends. */
  begin(publisher: Publisher): void
  /** Adds a session that ended with the process of an earlier worker. */
  restore(publisher: Publisher): void
  /** Ends a session; no effect where it has ended. */
  end(session: string, reason: string): void
  endAll(reason: string): void
  /** Returns a session that publishes, or whose media is still kept. */
  find(session: string): Publisher | null
  /** Returns the sessions that publish and have sent something lately. */
  activeSessions(): readonly string[]
  /** Returns what a report says: the sessions that publish, and those that ended since the last acknowledged report. */
  describe(): readonly IngestSession[]
  /** Notes that a report with these sessions was accepted: the ended ones are not reported again. */
  acknowledge(reported: readonly IngestSession[]): void
  applyVerdicts(verdicts: readonly SessionVerdict[]): void
  /** Drops the media of sessions that ended long ago or are known to their end. */
  sweep(): void
  readonly publishing: () => number
  readonly hasUnreportedEnds: () => boolean
}

export type RegistryOptions = {
  readonly nowMs: () => number
  /** Called when a session begins or ends. */
  readonly onChange: () => void
}

type RegistryEntry = {
  readonly publisher: Publisher
  ended: { readonly reason: string; readonly atMs: number } | null
  isEndReported: boolean
  knownUntilMs: number
}

/** How long the media of an ended session is kept: a restarted live worker finishes it. */
export const KEEP_ENDED_MS = 120_000
/** Most bytes of all ended sessions. */
export const ENDED_BYTES = 256 * 1024 * 1024
/** A session whose last segment ends this close to its last frame is known to its end. */
const END_MARGIN_MS = 500

/** Creates an empty registry. */
export function createPublisherRegistry(options: RegistryOptions): PublisherRegistry {
  const entries = new Map<string, RegistryEntry>()
  const { nowMs } = options
  const publishing = () => [...entries.values()].filter(({ ended }) => ended === null)
  const end = (entry: RegistryEntry | undefined, reason: string) => {
    if (entry === undefined || entry.ended !== null) return
    entry.ended = { reason, atMs: nowMs() }
    entry.publisher.media.end()
    entry.publisher.disconnect(reason)
    options.onChange()
  }
  return {
    begin: (publisher) => {
      const older = publishing().find((entry) => entry.publisher.streamId === publisher.streamId)
      entries.set(publisher.session, { publisher, ended: null, isEndReported: false, knownUntilMs: 0 })
      end(older, 'another encoder took over')
      options.onChange()
    },
    restore: (publisher) => {
      const ended = { reason: 'the ingest worker was restarted', atMs: nowMs() }
      entries.set(publisher.session, { publisher, ended, isEndReported: false, knownUntilMs: 0 })
      options.onChange()
    },
    end: (session, reason) => end(entries.get(session), reason),
    endAll: (reason) => {
      for (const entry of publishing()) end(entry, reason)
    },
    find: (session) => entries.get(session)?.publisher ?? null,
    activeSessions: () => publishing().flatMap(({ publisher }) => toActiveSession(publisher, nowMs())),
    describe: () =>
      [...entries.values()].filter(({ isEndReported }) => !isEndReported).map((entry) => describe(entry, nowMs())),
    acknowledge: (reported) => {
      for (const { session, ended } of reported) {
        const entry = entries.get(session)
        if (entry !== undefined && ended !== null) entry.isEndReported = true
      }
    },
    applyVerdicts: (verdicts) => {
      for (const { session, end_reason, known_until_ms } of verdicts) {
        const entry = entries.get(session)
        if (entry !== undefined && known_until_ms !== null) trim(entry, known_until_ms)
        if (end_reason !== null) end(entry, end_reason)
      }
    },
    sweep: () => sweep(entries, nowMs()),
    publishing: () => publishing().length,
    hasUnreportedEnds: () => [...entries.values()].some((entry) => entry.ended !== null && !entry.isEndReported),
  }
}

function toActiveSession({ session, lastByteMs }: Publisher, nowMs: number): readonly string[] {
  return nowMs - lastByteMs() < STALE_PUBLISHER_MS ? [session] : []
}

function describe({ publisher, ended }: RegistryEntry, nowMs: number): IngestSession {
  const { session, streamId, media, lastByteMs } = publisher
  return {
    session,
    stream_id: streamId,
    silent_ms: Math.max(0, Math.round(nowMs - lastByteMs())),
    ended: ended?.reason ?? null,
    facts: media.facts(nowMs),
  }
}

function trim(entry: RegistryEntry, knownUntilMs: number): void {
  entry.knownUntilMs = Math.max(entry.knownUntilMs, knownUntilMs)
  entry.publisher.media.trim(knownUntilMs)
}

/** Drops ended sessions that nothing needs any more, then the oldest ones beyond the bound of memory. */
function sweep(entries: Map<string, RegistryEntry>, nowMs: number): void {
  for (const entry of entries.values()) if (isNoLongerNeeded(entry, nowMs)) drop(entries, entry)
  const ended = [...entries].filter(([, entry]) => entry.ended !== null)
  let bytes = ended.reduce((sum, [, entry]) => sum + entry.publisher.media.keptBytes(), 0)
  for (const [, entry] of ended) {
    if (bytes <= ENDED_BYTES) return
    if (!entry.isEndReported) continue
    bytes -= entry.publisher.media.keptBytes()
    drop(entries, entry)
  }
}

function drop(entries: Map<string, RegistryEntry>, { publisher }: RegistryEntry): void {
  entries.delete(publisher.session)
  publisher.media.discard()
}

function isNoLongerNeeded({ ended, isEndReported, knownUntilMs, publisher }: RegistryEntry, nowMs: number): boolean {
  if (ended === null || !isEndReported) return false
  return nowMs - ended.atMs > KEEP_ENDED_MS || knownUntilMs + END_MARGIN_MS >= publisher.media.lastTimestampMs()
}
