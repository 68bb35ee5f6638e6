import { createBell } from '../platform/bell.ts'
import type { Watching } from './follow.ts'
import { createFollowers, type Followers } from './followers.ts'
import type { Probe } from './probe.ts'
import { createQuestions } from './questions.ts'
import { nextTickMs, type Intervals } from './schedule.ts'
import type { Resolution } from './snapshot.ts'
import { isFinal } from './state.ts'

export type MonitorRun = Watching & {
  readonly intervals: Intervals
  readonly createProbe: () => Probe
}

/**
 * Watches a stream until its end, or until no new work is to be begun; what is at hand by then is finished. The resolver
 * is asked, and each rendition followed, in the background: neither holds up the other.
 */
export async function watchStream(given: MonitorRun): Promise<void> {
  const { monitor, lifetime } = given
  const end = new AbortController()
  const run: MonitorRun = {
    ...given,
    lifetime: {
      stopping: AbortSignal.any([lifetime.stopping, end.signal]),
      killed: AbortSignal.any([lifetime.killed, end.signal]),
    },
  }
  const bell = createBell()
  const followers = createFollowers(run, run.createProbe, bell.ring)
  const look = createLook(run, followers, bell.ring)
  try {
    while (!lifetime.stopping.aborted && !isFinal(monitor.state())) {
      const dueMs = look()
      if (!isFinal(monitor.state())) await bell.wait(dueMs - run.clock.nowMs(), lifetime.stopping)
    }
  } finally {
    // After the end of the stream nobody needs what is still being looked at.
    if (!lifetime.stopping.aborted) end.abort()
    await followers.settled()
  }
}

/** One look at everything: takes what has come, begins what is due, and says when to look again; ms since 1970. */
function createLook(run: MonitorRun, followers: Followers, onAnswer: () => void): () => number {
  const { monitor, clock, config } = run
  const questions = createQuestions(run, run.intervals, onAnswer)
  let isEndTold = false
  let absentFromMs: number | null = null

  function heed(answer: Resolution): void {
    if ('source' in answer) {
      isEndTold = answer.kind === 'ended'
      followers.follow(answer.source)
    }
    if (!followers.isEmpty()) return
    absentFromMs ??= clock.nowMs()
    observeAbsence(answer, run, absentFromMs)
  }

  return () => {
    const answer = questions.attend(followers.hasDeadUrl())
    if (answer !== null) heed(answer)
    followers.takeTurns()
    const atMs = clock.nowMs()
    if (followers.areOver(isEndTold)) monitor.observe({ kind: 'stream_over', atMs })
    // Until the resolver's first answer nobody knows whether the stream has begun.
    if (!questions.hasAnswer()) return Math.min(questions.dueMs(), followers.dueMs())
    monitor.observe({ kind: 'tick', atMs })
    return Math.min(questions.dueMs(), followers.dueMs(), nextTickMs(monitor.state(), config, atMs))
  }
}

/** A worker that goes on with a stream and is given nothing to watch cannot fetch it. */
function observeAbsence(answer: Resolution, { monitor, clock }: MonitorRun, beganMs: number): void {
  if (answer.kind !== 'passing' && answer.kind !== 'upcoming') return
  const error = answer.kind === 'passing' ? answer.message : 'the stream is not there'
  monitor.observe({ kind: 'playlist_failed', atMs: clock.nowMs(), beganMs, sides: 'both', error })
}
