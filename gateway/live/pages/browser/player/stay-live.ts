import type Hls from 'hls.js'

import { choosePace, PART_PACE, SEGMENT_PACE } from './choose-pace.ts'

/** Interval of comparing the delay with what it should be, in ms. */
const INTERVAL_MS = 250
/** A viewer who seeks further back than this wants to see what has been, in seconds. */
export const BACK_SEC = 8
/** The pace at which a player catches up; voices keep their pitch. */
const FASTER_RATE = 1.25

/**
 * Keeps the picture at the newest one after a slow start or a stall; not where the viewer has gone back or has paused.
 * Returns the function that ends it.
 */
export function stayLive(video: HTMLVideoElement, hls: Hls): () => void {
  let wantsLive = true
  const limits = hls.config.lowLatencyMode ? PART_PACE : SEGMENT_PACE
  const behindSec = () => (hls.liveSyncPosition === null ? 0 : hls.liveSyncPosition - video.currentTime)
  const onSeeking = () => {
    wantsLive = behindSec() < BACK_SEC
  }
  const onPause = () => {
    wantsLive = false
  }
  const timer = setInterval(() => {
    const { liveSyncPosition } = hls
    if (video.paused || liveSyncPosition === null) return
    const pace = wantsLive ? choosePace(behindSec(), video.playbackRate > 1, limits) : 'keep'
    if (pace === 'jump') video.currentTime = liveSyncPosition
    const rate = pace === 'faster' ? FASTER_RATE : 1
    if (video.playbackRate !== rate) video.playbackRate = rate
  }, INTERVAL_MS)
  video.addEventListener('seeking', onSeeking)
  video.addEventListener('pause', onPause)
  return () => {
    clearInterval(timer)
    video.removeEventListener('seeking', onSeeking)
    video.removeEventListener('pause', onPause)
  }
}
