/** Interval of checking whether a player has come to the end of a broadcast that has ended, in ms. */
const LAST_PICTURES_MS = 20_000
/** A player this close to the end of what it can reach gets nothing new, in seconds. */
const END_SEC = 2

/** Returns whether a player has nothing more to play, also where its playlist does not say that it has ended. */
export function isAtEnd({ currentTime, ended, seekable }: EndFacts): boolean {
  return ended || seekable.length === 0 || seekable.end(seekable.length - 1) - currentTime < END_SEC
}

type EndFacts = Pick<HTMLVideoElement, 'currentTime' | 'ended'> & {
  readonly seekable: Pick<TimeRanges, 'length' | 'end'>
}

/** The wait for the end of a player whose broadcast has ended. */
export type EndWatch = { start(): void; stop(): void }

/** Creates the wait for the end of a player; `onEnd` is called once it has nothing more to play. A viewer may be hours back. */
export function createEndWatch(isOver: () => boolean, onEnd: () => void): EndWatch {
  let timer: ReturnType<typeof setTimeout> | undefined
  const start = () => {
    clearTimeout(timer)
    timer = setTimeout(() => (isOver() ? onEnd() : start()), LAST_PICTURES_MS)
  }
  return { start, stop: () => clearTimeout(timer) }
}
