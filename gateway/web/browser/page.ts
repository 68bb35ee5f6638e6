/** Runs on every page: times in the viewer's zone, buttons that copy, boxes that close, a note while the network is gone. */

const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' }
const DAY: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: 'numeric' }
const FORMATS: ReadonlyMap<string, Intl.DateTimeFormatOptions> = new Map([
  ['day', { dateStyle: 'medium' }],
  ['time', TIME],
])
const COPIED_MS = 2000
/** Time limit of reading the newest state of a list, in ms. */
const REFRESH_TIMEOUT_MS = 5000
/** How long new pictures of a list are waited for, in ms. */
const PICTURES_TIMEOUT_MS = 3000

for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-format]')) showLocalTime(time)
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) button.hidden = false
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>('[data-copy]') : null
  if (button !== null) void copyText(button)
})
document.addEventListener('submit', (event) => {
  if (event.target instanceof HTMLFormElement && event.submitter !== null) showBusy(event.submitter)
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

/** Shows a time in the viewer's zone, with the zone's name. */
function showLocalTime(time: HTMLTimeElement): void {
  const options = FORMATS.get(time.dataset['format'] ?? '') ?? { ...DAY, ...TIME }
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(time.dateTime))
}

async function copyText(button: HTMLButtonElement): Promise<void> {
  const label = button.querySelector('span') ?? button
  const before = label.textContent
  await navigator.clipboard
    .writeText(button.dataset['copy'] || location.origin + location.pathname)
    .catch(() => selectText(button))
  if (button.dataset['done'] !== undefined) return
  label.textContent = button.dataset['copied'] ?? before
  button.dataset['done'] = ''
  setTimeout(() => {
    label.textContent = before
    delete button.dataset['done']
  }, COPIED_MS)
}

/** Selects the text where the clipboard is out of reach, which it is on a page without TLS. */
function selectText(button: HTMLButtonElement): void {
  const text = button.parentElement?.querySelector('code, pre')
  if (text !== null && text !== undefined) getSelection()?.selectAllChildren(text)
  document.execCommand('copy')
}

/** Closes the box with a question or a form that has the focus, which goes to the button that opened it. */
function closeBox(focused: Element): void {
  const box = focused.closest<HTMLDetailsElement>('.confirm[open], .clip-box[open]')
  if (box === null) return
  box.open = false
  box.querySelector('summary')?.focus()
}

function showBusy(button: HTMLElement): void {
  button.setAttribute('aria-busy', 'true')
}

function showConnection(): void {
  const note = document.querySelector<HTMLElement>('.offline')
  if (note !== null) note.hidden = navigator.onLine
}

/** Replaces an area by the server's newest one at its interval, while it can be seen, until it has its last state. */
function keepFresh(area: HTMLElement): void {
  let shown: string | null = null
  const refresh = async () => {
    if (document.hidden) return
    const answer = await fetch(area.dataset['refresh'] ?? '', { signal: AbortSignal.timeout(REFRESH_TIMEOUT_MS) })
    const html = await answer.text()
    if (!answer.ok || html === shown) return
    await loadPictures(area, html)
    // What could not be shown now is shown later.
    if (replaceArea(area, html)) shown = html
  }
  const again = () =>
    area.querySelector('[data-final]') === null &&
    setTimeout(
      () =>
        void refresh()
          .catch(() => undefined)
          .finally(again),
      Number(area.dataset['every']) * 1000,
    )
  again()
}

/** Loads the pictures that are new in the newest state of an area, so that none is black for a moment. */
async function loadPictures(area: HTMLElement, html: string): Promise<void> {
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html })
  const shown = new Set(Array.from(area.querySelectorAll('img'), ({ src }) => src))
  // Pictures of a template have no address of their own before they are part of the page.
  const sources = Array.from(content.querySelectorAll('img'), (picture) => picture.getAttribute('src') ?? '')
  const fresh = sources.map((source) => new URL(source, document.baseURI).href).filter((source) => !shown.has(source))
  const loading = fresh.map((src) =>
    Object.assign(new Image(), { src })
      .decode()
      .catch(() => undefined),
  )
  await Promise.race([Promise.all(loading), new Promise((resolve) => setTimeout(resolve, PICTURES_TIMEOUT_MS))])
}

/** Replaces the content of an area, unless it has the focus, which would be lost, or a picture of it moves. */
function replaceArea(area: HTMLElement, html: string): boolean {
  if (area.contains(document.activeElement) || area.querySelector('[data-moving]') !== null) return false
  area.innerHTML = html
  for (const time of area.querySelectorAll<HTMLTimeElement>('time[data-format]')) showLocalTime(time)
  return true
}
