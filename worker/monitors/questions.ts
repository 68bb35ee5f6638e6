import { isUnwell, nextQuestionMs, soonerQuestionMs, type Answer, type Intervals } from './schedule.ts'
import type { Watching } from './follow.ts'
import type { Resolution } from './snapshot.ts'

/** The questions to the resolver about the stream: one at a time, in the background. */
export type Questions = {
  /**
   * Observes an answer that has come and gives it, and asks again if it is time to. `isUrlDead`: a playlist's URL
   * answers no more. Throws what the resolver threw.
   */
  attend(isUrlDead: boolean): Resolution | null
  /** Whether an answer has been observed. */
  hasAnswer(): boolean
  /** When to attend next, in ms since 1970; `onAnswer` tells of an answer before. */
  dueMs(): number
}

type Arrival = { readonly resolution: Resolution } | { readonly error: unknown }

/** What an answer says beside its kind, for the log: never a URL. */
function reasonOf(resolution: Resolution) {
  if (resolution.kind === 'live') return { by: resolution.source.by, renditions: resolution.source.renditions.length }
  return 'message' in resolution ? { reason: resolution.message } : {}
}

/** An answer, with what counts up from the one before. */
function counted(answer: Pick<Answer, 'atMs' | 'resolution'>, before: Answer | null, wasUnwell: boolean): Answer {
  const { kind } = answer.resolution
  const isFailure = kind === 'passing' || kind === 'blocked'
  return {
    ...answer,
    failures: isFailure ? (before?.failures ?? 0) + 1 : 0,
    inTrouble: wasUnwell ? (before?.inTrouble ?? 0) + 1 : 0,
  }
}

/** Starts with a question at the first `attend`. `onAnswer` is called when an answer has come. */
export function createQuestions(watching: Watching, intervals: Intervals, onAnswer: () => void): Questions {
  const { monitor, config, source, clock, lifetime, log } = watching
  let arrival: Arrival | null = null
  let isAsking = false
  let last: Answer | null = null
  let plannedMs = -Infinity

  function arrive(came: Arrival): void {
    isAsking = false
    arrival = came
    onAnswer()
  }

  function ask(): void {
    isAsking = true
    source.resolve(lifetime.stopping).then(
      (resolution) => arrive({ resolution }),
      (error: unknown) => arrive({ error }),
    )
  }

  function take(): Resolution | null {
    const came = arrival
    arrival = null
    if (came === null) return null
    if ('error' in came) throw came.error
    const { resolution } = came
    const atMs = clock.nowMs()
    const isNews = resolution.kind !== last?.resolution.kind
    log[isNews ? 'info' : 'debug']('resolver answered', { answer: resolution.kind, ...reasonOf(resolution) })
    last = counted({ atMs, resolution }, last, isUnwell(monitor.state(), atMs))
    monitor.observe({ kind: 'resolved', atMs, resolution })
    plannedMs = nextQuestionMs(last, { state: monitor.state(), config, intervals, random: Math.random })
    return resolution
  }

  /** A stream in trouble is asked about sooner, but answers that said nothing keep their distance. */
  function plan(isUrlDead: boolean): void {
    if (last === null) return
    if (isUrlDead || isUnwell(monitor.state(), clock.nowMs())) {
      plannedMs = Math.min(plannedMs, soonerQuestionMs(last, intervals))
    }
  }

  return {
    attend(isUrlDead) {
      const resolution = take()
      plan(isUrlDead && resolution === null)
      if (!isAsking && clock.nowMs() >= plannedMs) ask()
      return resolution
    },
    hasAnswer: () => last !== null,
    dueMs: () => (isAsking ? Infinity : plannedMs),
  }
}
