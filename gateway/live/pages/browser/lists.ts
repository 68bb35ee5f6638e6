/** Runs on pages with lists of broadcasts: the picture of one on the air moves while the pointer or the focus rests on it. */

import { startPreview } from './card-preview.ts'

/** How long a pointer rests on a card before its picture moves, in ms. */
const REST_MS = 350

const canMove = matchMedia('(prefers-reduced-motion: no-preference)')
let resting: ReturnType<typeof setTimeout> | undefined
let stop: (() => void) | null = null
let current: HTMLElement | null = null

for (const name of ['pointerover', 'focusin']) {
  document.addEventListener(name, ({ target }) => {
    choose(target instanceof Element ? target.closest('article') : null)
  })
}
document.addEventListener('visibilitychange', () => choose(null))

/** Moves the picture of a card, and only of that one. It goes on where the rest of the card is replaced. */
function choose(card: Element | null): void {
  const picture = card?.querySelector<HTMLElement>('[data-preview]') ?? null
  if (picture === current) return
  current = picture
  clearTimeout(resting)
  stop?.()
  stop = null
  if (picture === null || !canMove.matches) return
  resting = setTimeout(() => {
    stop = startPreview(picture)
  }, REST_MS)
}
