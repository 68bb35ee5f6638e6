/** Makes the form of a clip about the moment that the player shows: the clip ends there. */

import { formatClock } from '../time-text.ts'

/** A player closer than this to the newest picture plays that, in seconds: its clip is of the last seconds. */
const NEWEST_SEC = 12

/** Attaches the form of a page, if it has one, to the player of its screen. */
export function attachClipForm(screen: HTMLElement): void {
  const form = document.querySelector<HTMLFormElement>('[data-clip-form]')
  const start = form?.querySelector<HTMLInputElement>('[name=start]')
  const length = form?.querySelector<HTMLSelectElement>('[name=duration]')
  const key = form?.querySelector<HTMLInputElement>('[name=key]')
  if (form === null || !start || !length || !key) return
  const isLive = start.type === 'hidden'
  // The moment for which the form was opened: where the player was, how far behind the newest picture, and when.
  let moment = { positionSec: 0, behindSec: 0, atMs: 0 }
  let isChosen = false
  const propose = () => {
    const lengthSec = Number(length.value)
    if (isLive) start.value = startBefore(moment.behindSec + (Date.now() - moment.atMs) / 1000, lengthSec)
    else if (!isChosen) start.value = formatClock(moment.positionSec - lengthSec)
  }
  // Each time that the form is opened, or shown again from the history, it is about another clip.
  const renewKey = () => (key.value += '+')
  window.addEventListener('pageshow', ({ persisted }) => persisted && renewKey())
  form.closest('details')?.addEventListener('toggle', () => {
    renewKey()
    const video = screen.querySelector('video')
    if (video === null) return
    moment = { positionSec: video.currentTime, behindSec: behindSec(video), atMs: Date.now() }
    propose()
  })
  start.addEventListener('input', () => (isChosen = true))
  length.addEventListener('change', propose)
  form.addEventListener('submit', () => isLive && moment.atMs > 0 && propose())
}

/** Returns how far a player is behind the newest picture, in seconds. */
function behindSec({ seekable, currentTime }: HTMLVideoElement): number {
  return seekable.length === 0 ? 0 : seekable.end(seekable.length - 1) - currentTime
}

/** Returns the field of a clip that ends so many seconds ago; empty: it is of the last seconds. */
function startBefore(behind: number, lengthSec: number): string {
  return behind > NEWEST_SEC && Number.isFinite(behind) ? String(-Math.round(behind + lengthSec)) : ''
}
