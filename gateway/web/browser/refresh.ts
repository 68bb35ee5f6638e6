import { setLost } from './connection-note.ts'
import { replaceArea } from './replace-area.ts'
import { SIGNED_OUT, showSignedOut } from './signed-out.ts'

/** Time limit of reading the newest state of an area, in ms. */
const TIMEOUT_MS = 5000
/** A read that takes longer than this counts as lost, in ms: a lost connection is to be seen within five seconds. */
const SLOW_MS = 2500
/** How soon a read that has failed once is tried again, in ms. */
const RETRY_MS = 1000
/** Reads in a row that fail before the connection counts as lost: one may meet a gateway that restarts. */
const FAILURES = 2
/** The lowest status of a gateway or a proxy that cannot answer. */
const UNAVAILABLE = 500
/** How long new pictures of a list are waited for, in ms. */
const PICTURES_TIMEOUT_MS = 3000

/**
 * Replaces an area by the server's newest one at its interval, and at an event `refresh` on it, while it can be seen, until it
 * has its last state or the session of the page has ended.
 */
export function keepFresh(area: HTMLElement): void {
  let shown: string | null = null
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let [isReading, isStale] = [false, false]
  let isSignedOut = false

  async function refresh(): Promise<void> {
    const html = await read(area)
    isSignedOut = html === SIGNED_OUT
    if (isSignedOut) return showSignedOut()
    if (html === null || html === shown) return
    await loadPictures(area, html)
    // What could not be shown now is shown later.
    if (showNewest(area, html)) shown = html
  }

  async function tryRefresh(): Promise<void> {
    if (document.hidden || isSignedOut) return
    try {
      await refresh()
      failures = 0
      setLost(area, false)
    } catch {
      failures++
      if (failures >= FAILURES) setLost(area, true)
    }
  }

  async function refreshNow(): Promise<void> {
    isStale = true
    if (isReading) return
    isReading = true
    clearTimeout(timer)
    timer = undefined
    while (isStale) {
      isStale = false
      await tryRefresh()
    }
    isReading = false
    again()
  }

  function again(): void {
    if (isSignedOut || area.querySelector('[data-final]') !== null) return
    timer = setTimeout(() => void refreshNow(), failures === 1 ? RETRY_MS : Number(area.dataset['every']) * 1000)
  }

  area.addEventListener('refresh', () => void refreshNow())
  // What has changed while the page was hidden is seen at once.
  document.addEventListener('visibilitychange', () => !document.hidden && timer !== undefined && void refreshNow())
  again()
}

/** Shows the newest state of an area, or of those that the answer names. Returns whether all of it could be shown now. */
function showNewest(area: HTMLElement, html: string): boolean {
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html })
  const named = [...content.querySelectorAll<HTMLElement>('[data-area]')].map(({ dataset, innerHTML }) => ({
    shown: document.querySelector<HTMLElement>(`[data-area="${dataset['area'] ?? ''}"]`),
    innerHTML,
  }))
  if (named.length === 0) return replaceUnused(area, html)
  return named
    .map(({ shown, innerHTML }) => shown === null || replaceUnused(shown, innerHTML))
    .every((isShown) => isShown)
}

/** Replaces an area, unless its user is in a box or has changed a field of it. Returns whether it is replaced. */
function replaceUnused(area: HTMLElement, html: string): boolean {
  const isOpen = area.querySelector('details[open]') !== null
  const isChanged = [...area.querySelectorAll<HTMLElement>('input, textarea, select')].some(hasChanged)
  return !isOpen && !isChanged && replaceArea(area, html)
}

/** Returns whether a field differs from what the server has filled it in with. */
function hasChanged(field: HTMLElement): boolean {
  if (field instanceof HTMLSelectElement) {
    return [...field.options].some(({ selected, defaultSelected }) => defaultSelected && !selected)
  }
  if (field instanceof HTMLInputElement && field.checked !== field.defaultChecked) return true
  const isText = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement
  return isText && field.value !== field.defaultValue
}

/**
 * Returns the newest state of an area; `null` where the gateway refuses it, and `SIGNED_OUT` where it leads to sign in.
 * @throws Error where none answers
 */
async function read(area: HTMLElement): Promise<string | null> {
  const slow = setTimeout(() => setLost(area, true), SLOW_MS)
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await fetch(area.dataset['refresh'] ?? '', { signal, redirect: 'manual' })
    if (answer.type === 'opaqueredirect') return SIGNED_OUT
    if (answer.status >= UNAVAILABLE) throw new Error(`status ${answer.status}`)
    const html = await answer.text()
    return answer.ok ? html : null
  } finally {
    clearTimeout(slow)
  }
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
