/** The agreement of the gateway with the workers that make the file of a recording, cut clips, and remove and move stored files. */

import * as v from 'valibot'

import { count, seconds, shortText, small, uuid } from './live-fields.ts'
import { CallNumber } from './assignment.ts'
import { ColdClass } from './stores.ts'

/** A run of a broadcast in its recording: an initialization segment, and segments that follow each other. */
export const RecordedRun = v.object({
  /** Path in the store: `live/…/1/720/init-1.mp4`. */
  init: shortText,
  /** Path of the segments without their number: `live/…/1/720/`. */
  prefix: shortText,
  /** Numbers of the segments, and their bytes. */
  segments: v.array(v.object({ n: small, bytes: small })),
  duration_sec: seconds,
})
export type RecordedRun = v.InferOutput<typeof RecordedRun>

/** The task of a worker that makes the file of a recording, in `Claim.order`. */
export const ArchiveOrder = v.object({
  archive_id: uuid,
  runs: v.array(RecordedRun),
  /** Video frames of all segments. */
  frames: count,
  /** Where the file goes in the store. */
  output: shortText,
  /** The title under which the file is saved, where the store can say so. */
  title: v.optional(shortText),
})
export type ArchiveOrder = v.InferOutput<typeof ArchiveOrder>

/** How the file of a recording was made; a segment that is missing or damaged is a failure, never a shorter file. */
export const ArchiveOutcome = v.variant('status', [
  v.object({
    status: v.literal('ready'),
    url: v.pipe(v.string(), v.maxLength(2000)),
    file_size: count,
    duration_sec: seconds,
  }),
  v.object({
    status: v.literal('failed'),
    reason: shortText,
    /** Paths in the store of segments that are missing or incomplete: playlists leave them out. */
    missing: v.optional(v.pipe(v.array(shortText), v.maxLength(1000)), []),
  }),
])
export type ArchiveOutcome = v.InferOutput<typeof ArchiveOutcome>

/** A report of a worker that makes the file of a recording; the last one has the outcome. */
export const ArchiveReport = v.object({ ...CallNumber.entries, outcome: v.nullable(ArchiveOutcome) })
export type ArchiveReport = v.InferOutput<typeof ArchiveReport>

/** The task of a worker that cuts a clip, in `Claim.order`. */
export const ClipOrder = v.object({
  clip_id: uuid,
  /** The segments that the clip lies in. */
  runs: v.array(RecordedRun),
  /** Video frames of these segments. */
  frames: count,
  /** Where the clip begins, in seconds from the begin of the first segment. */
  start_sec: seconds,
  duration_sec: seconds,
  /** Size and frame rate of the picture. */
  width: small,
  height: small,
  frame_rate: seconds,
  /** Where the file and its picture go in the store. */
  output: shortText,
  poster: shortText,
})
export type ClipOrder = v.InferOutput<typeof ClipOrder>

/** How a clip was cut; a range that is not stored whole is a failure, never a shorter clip. */
export const ClipOutcome = v.variant('status', [
  v.object({ status: v.literal('ready'), file_size: count }),
  v.object({ status: v.literal('failed'), reason: shortText }),
])
export type ClipOutcome = v.InferOutput<typeof ClipOutcome>

/** A report of a worker that cuts a clip; the last one has the outcome. */
export const ClipReport = v.object({ ...CallNumber.entries, outcome: v.nullable(ClipOutcome) })
export type ClipReport = v.InferOutput<typeof ClipReport>

/** A folder of one broadcast in the store: no task reaches beyond it. */
const BroadcastFolder = v.pipe(shortText, v.regex(/^live\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/$/))
/** A file below such a folder: `1/720/15.m4s`. */
const FileBelow = v.pipe(shortText, v.regex(/^(?:[\w-][\w.-]*\/){0,4}[\w-][\w.-]*$/))

/** Work on stored files of one broadcast. It may be repeated. */
export const StorageTask = v.variant('action', [
  v.object({
    task_id: uuid,
    folder: BroadcastFolder,
    action: v.literal('remove_folder'),
    /** Files below the folder that stay. */
    keep: v.optional(v.pipe(v.array(FileBelow), v.maxLength(100_000)), []),
  }),
  v.object({
    task_id: uuid,
    folder: BroadcastFolder,
    action: v.literal('remove_files'),
    names: v.pipe(v.array(FileBelow), v.maxLength(100_000)),
  }),
  v.object({ task_id: uuid, folder: BroadcastFolder, action: v.literal('change_class'), storage_class: ColdClass }),
])
export type StorageTask = v.InferOutput<typeof StorageTask>

/** The task of a worker that removes and moves stored files, in `Claim.order`. */
export const StorageOrder = v.object({ tasks: v.array(StorageTask) })
export type StorageOrder = v.InferOutput<typeof StorageOrder>

/** What became of a task; `problem` is `null` where it is done. */
export const StorageResult = v.object({ task_id: uuid, problem: v.nullable(shortText) })
export type StorageResult = v.InferOutput<typeof StorageResult>

/** A report of a worker that removes and moves stored files; the last one has the results of all tasks that it began. */
export const StorageReport = v.object({
  ...CallNumber.entries,
  results: v.nullable(v.pipe(v.array(StorageResult), v.maxLength(1000))),
})
export type StorageReport = v.InferOutput<typeof StorageReport>
