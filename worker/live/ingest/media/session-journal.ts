/**
 * Keeps the media of a session in files, for an ingest worker that dies together with all that read from it: on one machine
 * all workers end with their gateway. The files hold what is not yet part of a stored segment, some seconds.
 */

import { mkdir, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

import type { Log } from '../../../../shared/log.ts'
import { encodeFlvHeader } from '../../flv/flv-tag.ts'
import { TRIM_MARGIN_MS, type ReplayTag, type StartTags } from './replay-buffer.ts'

/** What identifies a session, and who may read it. */
export type JournalOwner = { readonly session: string; readonly streamId: string; readonly token: string }

/** The files of one session. Nothing is thrown: where they cannot be written, the session goes on without them. */
export type SessionJournal = {
  /** Appends a tag; `start` and `baseMs` are those of the media with it. */
  append(tag: ReplayTag, start: StartTags, baseMs: number | null): void
  /** Removes the files whose media ends before `knownUntilMs`. */
  trim(knownUntilMs: number): void
  /** Removes all files; resolves once they are gone. */
  remove(): Promise<void>
}

export type JournalOptions = {
  /** Folder of all sessions. */
  readonly dir: string
  readonly owner: JournalOwner
  /** Returns how many bytes may be kept now. */
  readonly capacityBytes: () => number
  readonly log: Log
}

/** Name of the file with the `SavedOwner` of a session. */
export const OWNER_FILE = 'session.json'
/**
 * Interval of writing, in ms: what came since the last time is lost with the process. All sessions write at the same
 * moments, so that one wake-up of the process serves them all.
 */
const WRITE_MS = 100
/** Length of the media in a file, in ms, up to the next key frame. */
const FILE_MS = 2000
/** Bytes that wait for a disk that does not keep up. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

type JournalFile = { readonly path: string; readonly startMs: number; bytes: number }

type JournalState = JournalOptions & {
  readonly folder: string
  readonly files: JournalFile[]
  nextFile: number
  /** The file that was written last; kept open, as each write would otherwise open it. */
  opened: { readonly path: string; readonly handle: FileHandle } | null
  /** What is to be written to the newest file. */
  waiting: Buffer[]
  waitingBytes: number
  timer: ReturnType<typeof setTimeout> | null
  savedBaseMs: number | null
  baseMs: number | null
  hasFailed: boolean
  /** Settles when all that was begun is done. */
  done: Promise<void>
}

/** Opens the journal of a session that begins now. */
export function openSessionJournal(options: JournalOptions): SessionJournal {
  const state: JournalState = {
    ...options,
    folder: join(options.dir, options.owner.session),
    files: [],
    nextFile: 0,
    opened: null,
    waiting: [],
    waitingBytes: 0,
    timer: null,
    savedBaseMs: null,
    baseMs: null,
    hasFailed: false,
    done: Promise.resolve(),
  }
  enqueue(state, async () => void (await mkdir(state.folder, { recursive: true, mode: 0o700 })))
  return {
    append: (tag, start, baseMs) => {
      if (state.hasFailed) return
      state.baseMs = baseMs
      if (beginsFile(state, tag)) beginFile(state, tag, start)
      add(state, tag.bytes)
      while (countBytes(state) > state.capacityBytes() && removeOldest(state));
      if (state.waitingBytes > MAX_WAITING_BYTES) fail(state, new Error('the disk does not keep up'))
      else state.timer ??= setTimeout(() => write(state), WRITE_MS - (Date.now() % WRITE_MS))
    },
    trim: (knownUntilMs) => {
      for (;;) {
        const next = state.files[1]
        if (next === undefined || next.startMs + TRIM_MARGIN_MS > knownUntilMs) return
        removeOldest(state)
      }
    },
    remove: () => {
      drop(state)
      enqueue(state, () => removeFolder(state))
      return state.done
    },
  }
}

/** Returns whether a tag begins a file: the first one, and a key frame of the picture after `FILE_MS`. */
function beginsFile({ files }: JournalState, { track, kind, timestampMs }: ReplayTag): boolean {
  const newest = files.at(-1)
  if (newest === undefined) return true
  return track === 'video' && kind === 'key_frame' && timestampMs - newest.startMs >= FILE_MS
}

function beginFile(state: JournalState, { timestampMs }: ReplayTag, start: StartTags): void {
  write(state)
  const path = join(state.folder, `${String(state.nextFile).padStart(9, '0')}.flv`)
  state.nextFile += 1
  state.files.push({ path, startMs: timestampMs, bytes: 0 })
  add(state, encodeFlvHeader({ hasAudio: true, hasVideo: true }))
  for (const bytes of [start.metadata, start.video, start.audio]) if (bytes !== null) add(state, bytes)
}

function add(state: JournalState, bytes: Buffer): void {
  state.waiting.push(bytes)
  state.waitingBytes += bytes.length
  const file = state.files.at(-1)
  if (file !== undefined) file.bytes += bytes.length
}

function countBytes({ files }: JournalState): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Removes the oldest file; returns false where it is the only one. */
function removeOldest(state: JournalState): boolean {
  if (state.files.length < 2) return false
  const oldest = state.files.shift()
  if (oldest !== undefined) enqueue(state, () => rm(oldest.path, { force: true }))
  return true
}

function write(state: JournalState): void {
  if (state.timer !== null) clearTimeout(state.timer)
  state.timer = null
  const file = state.files.at(-1)
  const { waiting, baseMs } = state
  if (file === undefined || waiting.length === 0) return
  state.waiting = []
  enqueue(state, async () => {
    if (baseMs !== state.savedBaseMs) await saveOwner(state, baseMs)
    const bytes = Buffer.concat(waiting)
    const handle = await openForAppending(state, file.path)
    await handle.appendFile(bytes)
    state.waitingBytes -= bytes.length
  })
}

async function openForAppending(state: JournalState, path: string): Promise<FileHandle> {
  if (state.opened?.path === path) return state.opened.handle
  await closeFile(state)
  const handle = await open(path, 'a', 0o600)
  state.opened = { path, handle }
  return handle
}

async function closeFile(state: JournalState): Promise<void> {
  const { opened } = state
  state.opened = null
  await opened?.handle.close()
}

async function removeFolder(state: JournalState): Promise<void> {
  await closeFile(state)
  await rm(state.folder, { recursive: true, force: true })
}

/** Replaces the file in one step, so that a process that dies meanwhile leaves a whole one. */
async function saveOwner(state: JournalState, baseMs: number | null): Promise<void> {
  const { session, streamId, token } = state.owner
  const path = join(state.folder, OWNER_FILE)
  await writeFile(`${path}.new`, JSON.stringify({ session, stream_id: streamId, token, base_ms: baseMs }), {
    mode: 0o600,
  })
  await rename(`${path}.new`, path)
  state.savedBaseMs = baseMs
}

/** Runs a step after those before it. */
function enqueue(state: JournalState, step: () => Promise<void>): void {
  state.done = state.done.then(step).catch((error: unknown) => fail(state, error))
}

function fail(state: JournalState, error: unknown): void {
  if (state.hasFailed) return
  drop(state)
  state.log.warn('a session is received without a copy on disk', { session: state.owner.session, error })
  enqueue(state, () => removeFolder(state))
}

/** Takes no more media. */
function drop(state: JournalState): void {
  if (state.timer !== null) clearTimeout(state.timer)
  state.timer = null
  state.hasFailed = true
  state.waiting = []
  state.files.length = 0
}
