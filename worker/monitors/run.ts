import { createBell } from '../platform/bell.ts'
import { FIRST_TURN, takeTurn, type Follower, type Watching } from './follow.ts'
import type { Probe } from './probe.ts'
import { createQuestions } from './questions.ts'
import { lateMomentMs, type Intervals } from './schedule.ts'
import type { Resolution, Sides, Source } from './snapshot.ts'
import { isFinal } from './state.ts'

export type MonitorRun = Watching & {
  readonly intervals: Intervals
  readonly createProbe: () => Probe
}

/**
 * Watches a stream until its end, or until no new work is to be begun. The resolver is asked in the background: what is
 * being watched goes on meanwhile.
 */
export async function watchStream(run: MonitorRun): Promise<void> {
  const { monitor, clock, lifetime } = run
  const bell = createBell()
  const questions = createQuestions(run, run.intervals, bell.ring)
  const probes = createProbes(run.createProbe)
  let followers: readonly Follower[] = []

  while (!lifetime.stopping.aborted && !isFinal(monitor.state())) {
    const answer = questions.attend(followers.some(({ turn }) => turn.isUrlDead))
    if (answer !== null && 'source' in answer) followers = follow(answer.source, followers, probes)
    if (answer !== null && followers.length === 0) observeAbsence(answer, run)
    followers = await Promise.all(followers.map((follower) => takeTurnIfDue(follower, run)))
    if (followers.length > 0 && followers.every(({ turn }) => turn.isOver)) {
      monitor.observe({ kind: 'stream_over', atMs: clock.nowMs() })
    }
    const lateMs = questions.hasAnswer() ? judgeLateness(run) : Infinity
    const dueMs = Math.min(questions.dueMs(), lateMs, ...followers.map(({ turn }) => turn.dueMs))
    await bell.wait(dueMs - clock.nowMs(), lifetime.stopping)
  }
}

/** One probe for each rendition that is ever watched: what it knows of the segment before outlives a change of URLs. */
function createProbes(createProbe: () => Probe): (sides: Sides) => Probe {
  const probes = new Map<Sides, Probe>()
  return (sides) => {
    const probe = probes.get(sides) ?? createProbe()
    probes.set(sides, probe)
    return probe
  }
}

/**
 * Has it judged whether the stream is late, and says when to judge again; ms since 1970. Not before the resolver's first
 * answer: until then nobody knows whether the stream has begun.
 */
function judgeLateness({ monitor, clock, config }: MonitorRun): number {
  monitor.observe({ kind: 'tick', atMs: clock.nowMs() })
  return lateMomentMs(monitor.state(), config)
}

/** A worker that goes on with a stream and is given nothing to watch cannot fetch it. */
function observeAbsence(answer: Resolution, { monitor, clock }: MonitorRun): void {
  if (answer.kind !== 'passing' && answer.kind !== 'upcoming') return
  const error = answer.kind === 'passing' ? answer.message : 'the stream is not there'
  monitor.observe({ kind: 'playlist_failed', atMs: clock.nowMs(), sides: 'both', error })
}

function follow(source: Source, before: readonly Follower[], probes: (sides: Sides) => Probe): readonly Follower[] {
  return source.renditions.map((rendition) => {
    const { sides } = rendition
    const isBroken = before.some((follower) => follower.rendition.sides === sides && follower.turn.isBroken)
    return { rendition, probe: probes(sides), turn: { ...FIRST_TURN, isBroken } }
  })
}

async function takeTurnIfDue(follower: Follower, run: MonitorRun): Promise<Follower> {
  if (run.clock.nowMs() < follower.turn.dueMs) return follower
  return { ...follower, turn: await takeTurn(follower, run) }
}
