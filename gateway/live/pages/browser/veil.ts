import { WATCH_MESSAGES } from '../messages/watch.ts'
import { formatCountdown } from '../time-text.ts'
import { find, findButton, setText, textsOf } from './elements.ts'
import { serverTime } from './server-time.ts'

/** What covers the picture: a sentence, and a button where there is something to do. */
export type VeilContent = {
  readonly title: string
  readonly text: string
  readonly button?: string
  readonly act?: () => void
}

/** The veil over a screen. */
export type Veil = {
  show(content: VeilContent): void
  /** Counts the time down to a planned start. */
  countDown(to: string): void
  hide(): void
}

const text = textsOf(WATCH_MESSAGES)
const SECOND_MS = 1000

/** Attaches the veil of a screen. */
export function attachVeil(screen: HTMLElement): Veil {
  const button = findButton(screen, '[data-veil-button]')
  const [veil, player] = [find(screen, '[data-veil]'), find(screen, '[data-player]')]
  let act: (() => void) | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  button.addEventListener('click', () => act?.())
  document.addEventListener('fullscreenchange', coverPlayer)

  /** Keeps the keyboard from controls below the veil, which does not lie over a player that fills the screen. */
  function coverPlayer(): void {
    player.inert = !veil.hidden && document.fullscreenElement === null
  }

  /** Shows or hides the veil; the focus goes from what is covered to what can be used. */
  function setShown(isShown: boolean): void {
    const isFocused = (isShown ? player : veil).contains(document.activeElement)
    veil.hidden = !isShown
    coverPlayer()
    if (isFocused) (isShown ? button : player.querySelector<HTMLElement>('media-controller, video[controls]'))?.focus()
  }

  function show(content: VeilContent): void {
    clearInterval(timer)
    act = content.act
    setText(screen, '[data-veil-title]', content.title)
    setText(screen, '[data-veil-text]', content.text)
    button.textContent = content.button ?? ''
    button.hidden = act === undefined
    setShown(true)
  }

  return {
    show,
    countDown(to) {
      show({ title: text.scheduledTitle, text: countdownLine(to) })
      timer = setInterval(() => setText(screen, '[data-veil-text]', countdownLine(to)), SECOND_MS)
    },
    hide() {
      clearInterval(timer)
      setShown(false)
    },
  }
}

function countdownLine(to: string): string {
  const seconds = (Date.parse(to) - serverTime()) / SECOND_MS
  return seconds > 0 ? text.scheduledIn(formatCountdown(seconds, document.documentElement.lang)) : text.scheduledLate
}
