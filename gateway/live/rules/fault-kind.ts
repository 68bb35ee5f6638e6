/** The faults that last until they are over: what viewers see or hear that is wrong. */
export const ALERT_KINDS = ['black', 'frozen', 'silent', 'stalled'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/** `unreadable`: the monitor has not been able to read the broadcast for a minute. It does not say when it can again. */
export type FaultKind = AlertKind | 'unreadable'

/**
 * Why a fault is over. `recovered`: the picture, the sound or the segments are back. `broadcast_ended`: the broadcast ended
 * with it. `unwatched`: the monitor was replaced; the next one reports the fault anew where it goes on.
 */
export type FaultEnd = 'recovered' | 'broadcast_ended' | 'unwatched'
