import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { find, findButton, textsOf } from '../elements.ts'
import { isAtEnd } from './last-pictures.ts'
import { openSource, type OpenSource } from './open-source.ts'
import type { PlayerOptions, PlayerPlace } from './player-options.ts'
import { attachQualityMenu } from './quality-menu.ts'
import { offerSound } from './sound-button.ts'

/** A player on a page. */
export type MountedPlayer = {
  /** Plays; returns false where something else than the browser keeps it from that. */
  start(): Promise<boolean>
  /** Returns whether it has nothing more to play. */
  isAtEnd(): boolean
  /** Returns where another player goes on. */
  place(): PlayerPlace
  destroy(): void
}

const text = textsOf(WATCH_MESSAGES)
/** Interval of the shown delay, in ms. */
const DELAY_MS = 1000

/** Mounts a player with its controls into a screen; returns `null` where this browser cannot play. */
export async function mountPlayer(screen: HTMLElement, options: PlayerOptions): Promise<MountedPlayer | null> {
  // The reader of playlists comes at the same time.
  void import('hls.js/light').catch(() => undefined)
  const { buildControls } = await (options.isPreview ? import('./preview-controls.ts') : import('./controls.ts'))
  const controls = await buildControls(options)
  const { controller, video } = controls
  find(screen, '[data-player]').replaceChildren(controller)
  video.addEventListener('playing', options.onPlaying)
  video.addEventListener('ended', options.onEnd)
  const source = await openSource(video, options)
  if (source === null) {
    controller.remove()
    return null
  }
  attachQualityMenu(controls.quality, source)
  const timer = setInterval(() => showDelay(controls.delay, source), DELAY_MS)
  const unmute = findButton(screen, '[data-unmute]')
  return {
    start: () => startPlaying(video, unmute, options.isPreview),
    isAtEnd: () => isAtEnd(video),
    place: () => placeOf(video, source, options),
    destroy() {
      clearInterval(timer)
      unmute.hidden = true
      source.close()
      controller.remove()
    },
  }
}

/** Starts to play; without sound where the browser forbids it before a click, with a button that turns it on. */
async function startPlaying(video: HTMLVideoElement, unmute: HTMLButtonElement, isMuted: boolean): Promise<boolean> {
  video.muted = isMuted
  try {
    await video.play()
  } catch (error) {
    if (!isForbidden(error)) return false
    if (video.muted) return true
    video.muted = true
    offerSound(unmute, video)
    await video.play().catch(() => undefined)
  }
  return true
}

function isForbidden(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotAllowedError'
}

/** Returns where a player is; where it began, as long as it has not played. */
function placeOf(video: HTMLVideoElement, source: OpenSource, { startSec, behindSec }: PlayerPlace): PlayerPlace {
  if (video.played.length === 0) return { startSec, behindSec }
  return { startSec: video.currentTime, behindSec: source.behindSec() }
}

function showDelay(output: HTMLElement, { delaySec }: OpenSource): void {
  const seconds = delaySec()
  output.hidden = seconds === null
  if (seconds !== null) output.textContent = text.delaySec(seconds.toFixed(1))
}
