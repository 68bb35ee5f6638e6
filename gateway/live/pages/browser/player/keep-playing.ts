import type Hls from 'hls.js'

/** Attempts to go on after an error of the decoder. */
const MAX_RECOVERIES = 3
/** Interval of attempts to go on without a connection, in ms. */
const RETRY_MS = 2000
/** `HTMLMediaElement.HAVE_FUTURE_DATA`: a player below it shows a still picture, or none. */
const HAVE_FUTURE_DATA = 3

/** A player that is kept playing, and what is shown of it where it cannot go on. */
export type KeptPlayer = {
  readonly url: string
  readonly video: HTMLVideoElement
  /** Called where the picture stands still after an error. What is loaded before plays on. */
  onProblem(): void
  /** Called when it is over. */
  onHealed(): void
}

/** Goes on after errors: it loads again what is missing, and renews a decoder that has failed. */
export function keepPlaying(
  hls: Hls,
  { Events, ErrorTypes }: Pick<typeof Hls, 'Events' | 'ErrorTypes'>,
  { url, video, onProblem, onHealed }: KeptPlayer,
): void {
  let recoveries = 0
  let isBroken = false
  let retry: ReturnType<typeof setTimeout> | undefined
  video.addEventListener('waiting', () => isBroken && onProblem())
  hls.on(Events.FRAG_BUFFERED, () => {
    recoveries = 0
    if (isBroken) onHealed()
    isBroken = false
  })
  hls.on(Events.DESTROYING, () => {
    isBroken = false
    clearTimeout(retry)
  })
  hls.on(Events.ERROR, (_name, { fatal, type }) => {
    if (!fatal) return
    if (type === ErrorTypes.MEDIA_ERROR && recoveries < MAX_RECOVERIES) {
      recoveries += 1
      renewDecoder(hls, video)
      return
    }
    isBroken = true
    if (video.readyState < HAVE_FUTURE_DATA) onProblem()
    retry = setTimeout(() => {
      if (hls.levels.length === 0) hls.loadSource(url)
      else hls.startLoad()
    }, RETRY_MS)
  })
}

/** Renews the decoder, which pauses the player. */
function renewDecoder(hls: Hls, video: HTMLVideoElement): void {
  const wasPlaying = !video.paused
  hls.recoverMediaError()
  if (wasPlaying) void video.play().catch(() => undefined)
}
