import { BROADCAST_MESSAGES } from '../messages/broadcasts.ts'
import type { StateEvent } from '../stream-events.ts'
import { textsOf } from './elements.ts'

const { states } = textsOf(BROADCAST_MESSAGES)

/** Shows a state in the badges of a page. */
export function showState(state: StateEvent['state']): void {
  for (const badge of document.querySelectorAll('[data-state-badge]')) {
    badge.className = `badge badge-${state}`
    badge.textContent = states[state]
  }
}

const STATES = ['scheduled', 'ready', 'live', 'reconnecting', 'ended'] as const

/** Returns the state of a name; unknown ones have ended. */
export function toState(name: string | undefined): StateEvent['state'] {
  return STATES.find((state) => state === name) ?? 'ended'
}

/** Returns whether viewers can watch now. */
export function isOnAir(state: StateEvent['state']): boolean {
  return state === 'live' || state === 'reconnecting'
}
