import type { StateEvent } from '../stream-events.ts'

/** What a screen knows. */
export type ScreenFacts = {
  readonly state: StateEvent['state']
  readonly isPlayable: boolean
  /** A player is mounted, or has been. */
  readonly isMounted: boolean
  readonly hasPlayed: boolean
}

/**
 * What a screen does. `finish`: the last pictures play, then it offers them again. `offer`: a button plays from the
 * beginning. `keep`: what it does already.
 */
export type ScreenAction = 'wait' | 'expect' | 'play-live' | 'play-recording' | 'finish' | 'offer' | 'keep'

/** Returns what a screen does in a state. A broadcast that has ended before the page was opened is a recording. */
export function chooseAction({ state, isPlayable, isMounted, hasPlayed }: ScreenFacts): ScreenAction {
  switch (state) {
    case 'scheduled':
    case 'ready':
      return 'wait'
    case 'live':
    case 'reconnecting':
      if (isMounted) return 'keep'
      return isPlayable ? 'play-live' : 'expect'
    case 'ended':
      if (isMounted) return 'finish'
      return isPlayable && !hasPlayed ? 'play-recording' : 'offer'
  }
}
