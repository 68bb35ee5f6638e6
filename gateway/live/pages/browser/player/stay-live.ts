import type Hls from 'hls.js'

/** Interval of comparing the delay with what it should be, in ms. */
const INTERVAL_MS = 1000
/** Further behind than this, a faster pace takes too long: the picture jumps, in seconds. */
const JUMP_SEC = 2.5
/** A viewer who seeks further back than this wants to see what has been, in seconds. */
const BACK_SEC = 8

/**
 * Keeps the picture at the newest one after a slow start or a stall; not where the viewer has gone back or has paused.
 * Returns the function that ends it.
 */
export function stayLive(video: HTMLVideoElement, hls: Hls): () => void {
  let wantsLive = true
  const behindSec = () => (hls.liveSyncPosition === null ? 0 : hls.liveSyncPosition - video.currentTime)
  const onSeeking = () => {
    wantsLive = behindSec() < BACK_SEC
  }
  const onPause = () => {
    wantsLive = false
  }
  const timer = setInterval(() => {
    const { liveSyncPosition } = hls
    if (!wantsLive || video.paused || liveSyncPosition === null || behindSec() < JUMP_SEC) return
    video.currentTime = liveSyncPosition
  }, INTERVAL_MS)
  video.addEventListener('seeking', onSeeking)
  video.addEventListener('pause', onPause)
  return () => {
    clearInterval(timer)
    video.removeEventListener('seeking', onSeeking)
    video.removeEventListener('pause', onPause)
  }
}
