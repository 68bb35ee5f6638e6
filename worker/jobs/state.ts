import type {
  ChunkPlan,
  JobFailure,
  JobOrder,
  JobOutput,
  MediaInfo,
  TaskState,
  ValidationResult,
} from '../../shared/contract/jobs.ts'
import { advanced, type Phase } from './progress.ts'

/** How fast ffmpeg is. */
export type Pace = { readonly fps: number | null; readonly speed: number | null; readonly etaSec: number | null }

/** All that is known of a task. */
export type JobState = Pace & {
  readonly state: TaskState
  readonly progress: number
  readonly message: string
  readonly mediaInfo: MediaInfo | null
  readonly validation: ValidationResult | null
  readonly hasStored: boolean
  readonly output: JobOutput | null
  readonly plan: ChunkPlan | null
  readonly failure: JobFailure | null
}

/** What the worker has seen; `share` is how much of the phase is done, 0 to 1. */
export type Observation =
  | { readonly kind: 'phase'; readonly phase: Phase; readonly share: number; readonly pace?: Pace }
  | { readonly kind: 'probed'; readonly mediaInfo: MediaInfo }
  | { readonly kind: 'validated'; readonly validation: ValidationResult }
  /** From now on something of the job may lie in the store. */
  | { readonly kind: 'storing' }
  | { readonly kind: 'done'; readonly output: JobOutput | null; readonly plan: ChunkPlan | null }
  | { readonly kind: 'failed'; readonly failure: JobFailure }

const NO_PACE: Pace = { fps: null, speed: null, etaSec: null }

export const INITIAL_STATE: JobState = {
  ...NO_PACE,
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

const MESSAGES: Readonly<Record<Phase, string>> = {
  fetch: 'fetching the input',
  split: 'splitting the input',
  encode: 'encoding',
  join: 'joining the pieces',
  finish: 'writing playlists',
  validate: 'checking the output',
  store: 'storing the output',
}

/** Nothing more comes of the task. */
export function isFinal({ state }: Pick<JobState, 'state'>): boolean {
  return state === 'done' || state === 'failed'
}

/** The state of a task after an observation; a final one stays. */
export function observe(task: JobOrder['task'], state: JobState, seen: Observation): JobState {
  if (isFinal(state)) return state
  switch (seen.kind) {
    case 'phase': {
      const { phase, share, pace = NO_PACE } = seen
      const progress = advanced(state.progress, task, phase, share)
      const isUploading = state.state === 'uploading' || phase === 'store'
      return { ...state, ...pace, progress, message: MESSAGES[phase], state: isUploading ? 'uploading' : 'processing' }
    }
    case 'probed':
      return { ...state, mediaInfo: seen.mediaInfo }
    case 'validated':
      return { ...state, validation: seen.validation }
    case 'storing':
      return { ...state, hasStored: true }
    case 'done':
      return {
        ...state,
        ...NO_PACE,
        state: 'done',
        progress: 100,
        message: 'done',
        output: seen.output,
        plan: seen.plan,
      }
    case 'failed':
      return {
        ...state,
        ...NO_PACE,
        state: 'failed',
        message: seen.failure.message.slice(0, 300),
        failure: seen.failure,
      }
  }
}
