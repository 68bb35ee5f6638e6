/** `scheduled` or `ready` -> `live` <-> `reconnecting` -> `ended`. */
export const BROADCAST_STATES = ['scheduled', 'ready', 'live', 'reconnecting', 'ended'] as const
export type BroadcastState = (typeof BROADCAST_STATES)[number]

/** Limit of the broadcasts of one user that have not ended. */
export const MAX_OPEN_STREAMS = 100

/**
 * What can change the state of a broadcast. `encoder_lost`: no encoder publishes any more. `window_passed`: none came back
 * within RECONNECT_WINDOW. `ended`: by its owner, its deletion, or its longest duration.
 */
export type BroadcastEvent = 'encoder_published' | 'encoder_lost' | 'window_passed' | 'ended'
export const BROADCAST_EVENTS: readonly BroadcastEvent[] = [
  'encoder_published',
  'encoder_lost',
  'window_passed',
  'ended',
]

/** Returns the state after an event; the same one where the event changes nothing. `ended` stays. */
export function nextState(state: BroadcastState, event: BroadcastEvent): BroadcastState {
  if (state === 'ended') return state
  switch (event) {
    case 'encoder_published':
      return 'live'
    case 'encoder_lost':
      return state === 'live' ? 'reconnecting' : state
    case 'window_passed':
      return state === 'reconnecting' ? 'ended' : state
    case 'ended':
      return 'ended'
  }
}

/** Returns the states that an event changes: every statement that changes a state takes them from here. */
export function sourceStatesOf(event: BroadcastEvent): BroadcastState[] {
  return BROADCAST_STATES.filter((state) => nextState(state, event) !== state)
}

/** Returns whether viewers can watch a broadcast now. */
export function isOnAir(state: BroadcastState): boolean {
  return state === 'live' || state === 'reconnecting'
}
