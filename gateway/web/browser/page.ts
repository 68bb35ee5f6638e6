/** Runs on every page: times in the viewer's zone, buttons that copy, boxes that close, a note while the network is gone. */

import { showConnection } from './connection-note.ts'
import { copyText } from './copy-text.ts'
import { showLocalTimes } from './local-times.ts'
import { keepFresh } from './refresh.ts'

/** How long a button is busy whose answer does not come, such as one that the user stops waiting for, in ms. */
const BUSY_MS = 10_000

showLocalTimes(document)
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) button.hidden = false
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>('[data-copy]') : null
  if (button !== null) void copyText(button)
})
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-back]')) {
  button.hidden = false
  button.addEventListener('click', () => history.back())
}
document.addEventListener('submit', (event) => {
  // A script of the page sends the form.
  if (event.defaultPrevented || event.submitter === null) return
  // A double click sends a form once.
  if (isBusy(event.submitter)) event.preventDefault()
  else showBusy(event.submitter)
})
document.addEventListener('keydown', (event) => {
  // This key also ends the input of a Japanese word.
  if (event.key === 'Escape' && !event.isComposing && event.target instanceof Element) closeBox(event.target)
})
// A page that comes back from the history is not busy any more.
window.addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy')
})
for (const area of document.querySelectorAll<HTMLElement>('[data-refresh]')) keepFresh(area)
for (const name of ['online', 'offline']) window.addEventListener(name, showConnection)
showConnection()

/** Closes the box with a question or a form that has the focus, which goes to the button that opened it. */
function closeBox(focused: Element): void {
  const box = focused.closest<HTMLDetailsElement>('.confirm[open], .clip-box[open]')
  if (box === null) return
  box.open = false
  box.querySelector('summary')?.focus()
}

function isBusy(button: HTMLElement): boolean {
  return button.getAttribute('aria-busy') === 'true'
}

function showBusy(button: HTMLElement): void {
  button.setAttribute('aria-busy', 'true')
  setTimeout(() => button.removeAttribute('aria-busy'), BUSY_MS)
}
