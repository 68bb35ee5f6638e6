import type Hls from 'hls.js'

import { serverTime } from '../server-time.ts'
import { keepPlaying } from './keep-playing.ts'
import type { PlayerOptions } from './player-options.ts'
import { BACK_SEC, stayLive } from './stay-live.ts'

/** A playlist that a video element plays. */
export type OpenSource = {
  /** The names of its renditions in lines, the shorter sides of their pictures, by their number; empty where the browser chooses by itself. */
  heights(): readonly number[]
  /** The number of the rendition that is played now, or −1. */
  current(): number
  /** Plays a rendition; −1: the best one for the connection, at any time. */
  choose(rendition: number): void
  /** Calls `onChange` when the renditions, or the one that is played, change. */
  subscribe(onChange: () => void): void
  /** Returns how far the picture is behind the camera, in seconds; `null` for a recording. */
  delaySec(): number | null
  /** Returns how far a viewer has gone back in a broadcast, in seconds; 0 at the newest picture. */
  behindSec(): number
  close(): void
}

type SourceOptions = Pick<
  PlayerOptions,
  'url' | 'isLive' | 'isLowLatency' | 'startSec' | 'behindSec' | 'onProblem' | 'onPlaying'
>

/** How far an ordinary playlist is played behind its end, in seconds: it grows by two, and a live worker may be replaced. */
const ORDINARY_DELAY_SEC = 5
/** How long a player keeps what has been played, in seconds. */
const BACK_BUFFER_SEC = 60
/** Clocks that differ by more than this are no measure of the delay, in seconds. */
const LONGEST_DELAY_SEC = 600

/** Opens a playlist in a video element: with hls.js or, where the browser can, by itself; `null` where neither can. */
export async function openSource(video: HTMLVideoElement, options: SourceOptions): Promise<OpenSource | null> {
  const { default: HlsPlayer } = await import('hls.js/light')
  if (!HlsPlayer.isSupported()) return openNatively(video, options)
  const { url, isLive, isLowLatency, startSec, onProblem, onPlaying } = options
  const hls = new HlsPlayer({
    // The segments are played as they are: there is no work for a second thread.
    enableWorker: false,
    lowLatencyMode: isLive && isLowLatency,
    backBufferLength: BACK_BUFFER_SEC,
    // hls.js counts the segment to come to the run before, and would drop a playlist in which a new run begins with it.
    ignorePlaylistParsingErrors: true,
    liveDurationInfinity: true,
    ...(isLive && !isLowLatency ? { liveSyncDuration: ORDINARY_DELAY_SEC } : {}),
    ...(isLive ? {} : { startPosition: startSec }),
  })
  keepPlaying(hls, HlsPlayer, { url, video, onProblem, onHealed: onPlaying })
  hls.loadSource(url)
  hls.attachMedia(video)
  const leaveLive = isLive ? stayLive(video, hls) : () => undefined
  if (isLive && options.behindSec > 0) goBack(video, hls, options.behindSec)
  return {
    heights: () => hls.levels.map(({ width, height }) => Math.min(width, height)),
    current: () => hls.currentLevel,
    choose: (rendition) => {
      hls.nextLevel = rendition
    },
    subscribe(onChange) {
      for (const event of [HlsPlayer.Events.MANIFEST_PARSED, HlsPlayer.Events.LEVEL_SWITCHED]) hls.on(event, onChange)
    },
    delaySec: () => (isLive ? delayOf(hls) : null),
    behindSec: () => (isLive ? behindOf(video, hls) : 0),
    close() {
      leaveLive()
      hls.destroy()
    },
  }
}

/** Goes back as far as a viewer was before, once there is a picture. */
function goBack(video: HTMLVideoElement, hls: Hls, behindSec: number): void {
  const seek = () => {
    if (hls.liveSyncPosition !== null) video.currentTime = Math.max(0, hls.liveSyncPosition - behindSec)
  }
  video.addEventListener('playing', seek, { once: true })
}

function behindOf({ currentTime }: HTMLVideoElement, { liveSyncPosition }: Hls): number {
  const behindSec = liveSyncPosition === null ? 0 : liveSyncPosition - currentTime
  return behindSec < BACK_SEC ? 0 : behindSec
}

/** Returns the time from the camera to the screen, by the times in the playlist. */
function delayOf(hls: Hls): number | null {
  const shown = hls.playingDate
  if (shown === null) return null
  const seconds = (serverTime() - shown.getTime()) / 1000
  return seconds < 0 || seconds > LONGEST_DELAY_SEC ? hls.latency : seconds
}

function openNatively(video: HTMLVideoElement, { url, onProblem }: SourceOptions): OpenSource | null {
  if (video.canPlayType('application/vnd.apple.mpegurl') === '') return null
  video.addEventListener('error', onProblem)
  video.src = url
  return {
    heights: () => [],
    current: () => -1,
    choose: () => undefined,
    subscribe: () => undefined,
    delaySec: () => null,
    behindSec: () => 0,
    close: () => video.removeAttribute('src'),
  }
}
