import type {
  ChunkPlan,
  JobFailure,
  JobOutput,
  MediaInfo,
  TaskSpec,
  TaskState,
  ValidationResult,
} from '../../shared/contract/jobs.ts'
import type { EncodeSpeed } from './encode/encode-speed.ts'
import { advanceProgress, type TaskPhase } from './progress.ts'

/** Everything that the worker knows about its task; each report carries all of it. */
export type TaskSnapshot = EncodeSpeed & {
  readonly state: TaskState
  /** Percent. */
  readonly progress: number
  readonly message: string
  readonly mediaInfo: MediaInfo | null
  readonly validation: ValidationResult | null
  readonly hasStored: boolean
  readonly output: JobOutput | null
  readonly plan: ChunkPlan | null
  readonly failure: JobFailure | null
}

/** Something that happened to a task. */
export type TaskObservation =
  | {
      readonly kind: 'phase'
      readonly phase: TaskPhase
      /** Completed part of the phase, 0 to 1. */
      readonly share: number
      readonly encodeSpeed?: EncodeSpeed
    }
  | { readonly kind: 'probed'; readonly mediaInfo: MediaInfo }
  | { readonly kind: 'validated'; readonly validation: ValidationResult }
  /** From now on the store may hold files of the job. */
  | { readonly kind: 'storing' }
  | { readonly kind: 'done'; readonly output: JobOutput | null; readonly plan: ChunkPlan | null }
  | { readonly kind: 'failed'; readonly failure: JobFailure }

const NO_SPEED: EncodeSpeed = { fps: null, speed: null, etaSec: null }

export const INITIAL_SNAPSHOT: TaskSnapshot = {
  ...NO_SPEED,
  state: 'processing',
  progress: 0,
  message: 'starting',
  mediaInfo: null,
  validation: null,
  hasStored: false,
  output: null,
  plan: null,
  failure: null,
}

const PHASE_MESSAGES: Readonly<Record<TaskPhase, string>> = {
  fetch: 'fetching the input',
  split: 'splitting the input',
  encode: 'encoding',
  join: 'joining the pieces',
  finish: 'writing playlists',
  validate: 'checking the output',
  store: 'storing the output',
}

/** Returns whether a task has ended. */
export function isFinal({ state }: Pick<TaskSnapshot, 'state'>): boolean {
  return state === 'done' || state === 'failed'
}

/** Returns the snapshot of a task after an observation; a final snapshot does not change. */
export function afterObservation(
  task: TaskSpec['task'],
  snapshot: TaskSnapshot,
  observation: TaskObservation,
): TaskSnapshot {
  if (isFinal(snapshot)) return snapshot
  switch (observation.kind) {
    case 'phase': {
      const { phase, share, encodeSpeed = NO_SPEED } = observation
      const progress = advanceProgress(snapshot.progress, task, phase, share)
      const isUploading = snapshot.state === 'uploading' || phase === 'store'
      const state = isUploading ? 'uploading' : 'processing'
      return { ...snapshot, ...encodeSpeed, progress, message: PHASE_MESSAGES[phase], state }
    }
    case 'probed':
      return { ...snapshot, mediaInfo: observation.mediaInfo }
    case 'validated':
      return { ...snapshot, validation: observation.validation }
    case 'storing':
      return { ...snapshot, hasStored: true }
    case 'done': {
      const { output, plan } = observation
      return { ...snapshot, ...NO_SPEED, state: 'done', progress: 100, message: 'done', output, plan }
    }
    case 'failed': {
      const { failure } = observation
      return { ...snapshot, ...NO_SPEED, state: 'failed', message: failure.message.slice(0, 300), failure }
    }
  }
}
