/** Pauses after the first, second … failure, in seconds; the last one goes on until the message expires. */
const PAUSES_SEC = [2, 5, 15, 60, 180]
const LAST_PAUSE_SEC = 300
/** Pauses are stretched by up to a fifth, so that a server that returns does not get all messages at once. */
const JITTER = 0.2

/** Returns the pause after failure number `attempts` (the first is 1), in ms; `random` is a number from 0 to 1. */
export function retryPauseMs(attempts: number, random: number): number {
  const pauseSec = PAUSES_SEC[attempts - 1] ?? LAST_PAUSE_SEC
  return Math.round(pauseSec * 1000 * (1 + JITTER * random))
}
