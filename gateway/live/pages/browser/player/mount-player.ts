import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { find, findButton, textsOf } from '../elements.ts'
import { buildControls } from './controls.ts'
import { isAtEnd } from './last-pictures.ts'
import { openSource, type OpenSource } from './open-source.ts'
import type { PlayerOptions } from './player-options.ts'
import { attachQualityMenu } from './quality-menu.ts'

/** A player on a page. */
export type MountedPlayer = {
  /** Returns whether it has nothing more to play. */
  isAtEnd(): boolean
  destroy(): void
}

const text = textsOf(WATCH_MESSAGES)
/** Interval of the shown delay, in ms. */
const DELAY_MS = 1000

/** Mounts a player with its controls into a screen. */
export async function mountPlayer(screen: HTMLElement, options: PlayerOptions): Promise<MountedPlayer> {
  const controls = buildControls(options)
  const { controller, video } = controls
  find(screen, '[data-player]').replaceChildren(controller)
  video.addEventListener('playing', options.onPlaying)
  video.addEventListener('ended', options.onEnd)
  const source = await openSource(video, options)
  if (source === null) {
    controller.remove()
    options.onProblem(true)
    return { isAtEnd: () => true, destroy: () => undefined }
  }
  attachQualityMenu(controls.quality, source)
  const timer = setInterval(() => showDelay(controls.delay, source), DELAY_MS)
  const unmute = findButton(screen, '[data-unmute]')
  if (options.autoplay) await startPlaying(video, unmute, options.isMuted)
  return {
    isAtEnd: () => isAtEnd(video),
    destroy() {
      clearInterval(timer)
      unmute.hidden = true
      source.close()
      controller.remove()
    },
  }
}

/** Starts to play; without sound where the browser forbids it before a click, with a button that turns it on. */
async function startPlaying(video: HTMLVideoElement, unmute: HTMLButtonElement, isMuted: boolean): Promise<void> {
  video.muted = isMuted
  try {
    await video.play()
  } catch {
    if (video.muted) return
    video.muted = true
    unmute.hidden = false
    const turnOn = () => {
      video.muted = false
    }
    unmute.addEventListener('click', turnOn, { once: true })
    video.addEventListener('volumechange', () => {
      unmute.hidden = !video.muted
    })
    await video.play().catch(() => undefined)
  }
}

function showDelay(output: HTMLElement, { delaySec }: OpenSource): void {
  const seconds = delaySec()
  output.hidden = seconds === null
  if (seconds !== null) output.textContent = text.delaySec(seconds.toFixed(1))
}
