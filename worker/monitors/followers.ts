import { FIRST_TURN, takeTurn, type Follower, type Turn, type Watching } from './follow.ts'
import { isSpent } from './flow.ts'
import type { Probe } from './probe.ts'
import type { Sides, Source } from './snapshot.ts'

/** The renditions that are being followed, each at its own pace: one that hangs does not hold up the other. */
export type Followers = {
  /** Follows a source's renditions from now on, and no others; turns that are being taken come to their end. */
  follow(source: Source): void
  isEmpty(): boolean
  /** Whether a playlist's URL answers no more. */
  hasDeadUrl(): boolean
  /** Begins the turns that are due. Throws what a turn threw. */
  takeTurns(): void
  /** When the next turn is due, in ms since 1970; `onTurn` tells of one that ends before. */
  dueMs(): number
  /**
   * Whether the end has come: a playlist has its end, or is said to (`isEndTold`), and all that the others still had
   * has been looked at. At the end of a stream a playlist may lack its EXT-X-ENDLIST, or be gone.
   */
  areOver(isEndTold: boolean): boolean
  /** Resolves once no turn is being taken any more. Throws what a turn threw. */
  settled(): Promise<void>
}

/** Follows nothing at first. `onTurn` is called when a turn has ended. */
export function createFollowers(watching: Watching, createProbe: () => Probe, onTurn: () => void): Followers {
  const { monitor, clock } = watching
  const probeOf = createProbes(createProbe)
  let followers: readonly Follower[] = []
  /** By sides: what the probe and the position know goes from one turn to the next, so two never overlap. */
  const running = new Map<Sides, Promise<void>>()
  let broken: { readonly error: unknown } | null = null

  async function take(follower: Follower): Promise<void> {
    const { sides } = follower.rendition
    try {
      const turn = await takeTurn(follower, watching)
      followers = followers.map((each) => (each === follower ? { ...each, turn } : carriedOn(each, sides, turn)))
    } catch (error) {
      broken = { error }
    }
    running.delete(sides)
    onTurn()
  }

  function rethrow(): void {
    if (broken !== null) throw broken.error
  }

  function hasNothingMore({ rendition: { sides }, turn }: Follower): boolean {
    if (turn.isOver || turn.isUrlDead) return true
    const { phase } = monitor.state()
    const broughtNothing = (turn.isWaiting || turn.failures > 0) && !running.has(sides)
    return broughtNothing && phase.kind === 'monitoring' && isSpent(phase.flow, sides, clock.nowMs())
  }

  return {
    follow(source) {
      const before = followers
      followers = source.renditions.map((rendition) => {
        const follower = { rendition, probe: probeOf(rendition.sides), turn: FIRST_TURN }
        return before.reduce<Follower>((next, { rendition: { sides }, turn }) => carriedOn(next, sides, turn), follower)
      })
    },
    isEmpty: () => followers.length === 0,
    hasDeadUrl: () => followers.some(({ turn }) => turn.isUrlDead),
    takeTurns() {
      rethrow()
      for (const follower of followers) {
        const { sides } = follower.rendition
        if (!running.has(sides) && clock.nowMs() >= follower.turn.dueMs) running.set(sides, take(follower))
      }
    },
    dueMs: () =>
      Math.min(...followers.map(({ rendition, turn }) => (running.has(rendition.sides) ? Infinity : turn.dueMs))),
    areOver: (isEndTold) =>
      followers.length > 0 &&
      (isEndTold || followers.some(({ turn }) => turn.isOver)) &&
      followers.every(hasNothingMore),
    async settled() {
      await Promise.all(running.values())
      rethrow()
    },
  }
}

/** A follower of the same rendition, perhaps at another URL: its probe has seen what the one before has. */
function carriedOn(follower: Follower, sides: Sides, { isBroken }: Turn): Follower {
  return follower.rendition.sides === sides ? { ...follower, turn: { ...follower.turn, isBroken } } : follower
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
