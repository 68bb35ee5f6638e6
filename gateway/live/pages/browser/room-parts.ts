/** Replaces parts of the studio by newer ones, while the rest of it, such as what is sent from the browser, goes on. */

import { replaceArea } from '../../../web/browser/replace-area.ts'
import { STUDIO_MESSAGES } from '../messages/studio.ts'
import { textsOf } from './elements.ts'
import { attachStart } from './start-field.ts'

const PART = '[data-room-part]'
/** Parts that a form of the studio changes beside its own. */
const CHANGED_BY_FORMS = ['visibility', 'notes']
/** Time limit of reading or sending, in ms. */
const TIMEOUT_MS = 15_000

/** The parts of a studio. */
export type StudioParts = {
  /** Reads the page again, and shows those parts of it that are not being filled in. */
  renew(names: readonly string[]): Promise<void>
  /** Sends a form of the studio, and shows what its page answers in the part of the form. */
  send(form: HTMLFormElement, button: HTMLElement | null): Promise<void>
}

/** Attaches the parts of a studio, whose page is at an address. */
export function attachStudioParts(room: HTMLElement, address: string): StudioParts {
  const edited = new WeakSet<Element>()
  room.addEventListener('input', ({ target }) => {
    const part = target instanceof Element ? target.closest(PART) : null
    if (part !== null) edited.add(part)
  })

  function show(part: HTMLElement, page: Document): boolean {
    const next = page.querySelector<HTMLElement>(`[data-room-part="${part.dataset['roomPart'] ?? ''}"]`)
    if (next === null || !replaceArea(part, next.innerHTML)) return false
    part.hidden = next.hidden
    edited.delete(part)
    for (const button of part.querySelectorAll<HTMLElement>('[data-copy]')) button.hidden = false
    for (const field of part.querySelectorAll<HTMLElement>('[data-start]')) attachStart(field)
    return true
  }

  /** Returns whether a part has what was written and is not saved; where something is wrong with it, its page has it. */
  function isFilledIn(part: HTMLElement): boolean {
    return edited.has(part) || part.querySelector('[aria-invalid="true"]') !== null
  }

  function partsOf(names: readonly string[]): HTMLElement[] {
    return [...room.querySelectorAll<HTMLElement>(PART)].filter((part) =>
      names.includes(part.dataset['roomPart'] ?? ''),
    )
  }

  return {
    async renew(names) {
      const page = await readPage(address).catch(() => null)
      if (page === null) return
      for (const part of partsOf(names)) if (!isFilledIn(part)) show(part, page)
    },
    async send(form, button) {
      const part = form.closest<HTMLElement>(PART)
      if (part === null || part.ariaBusy === 'true') return
      setBusy(part, button, true)
      const page = await readPage(form.action, bodyOf(form)).catch(() => null)
      setBusy(part, button, false)
      // The focus of a field that is replaced goes to its button.
      button?.focus({ preventScroll: true })
      if (page?.querySelector(`[data-studio="${room.dataset['studio'] ?? ''}"]`)) {
        form.reset()
        show(part, page)
        part.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
        for (const other of partsOf(CHANGED_BY_FORMS)) show(other, page)
      } else showFailure(part)
    },
  }
}

function setBusy(part: HTMLElement, button: HTMLElement | null, isBusy: boolean): void {
  for (const element of [part, button]) {
    if (isBusy) element?.setAttribute('aria-busy', 'true')
    else element?.removeAttribute('aria-busy')
  }
}

/** Returns the texts of a form. */
function bodyOf(form: HTMLFormElement): URLSearchParams {
  const body = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value)
  return body
}

/** Returns the page that answers. @throws Error where none does */
async function readPage(address: string, body?: URLSearchParams): Promise<Document> {
  const form = body === undefined ? {} : { method: 'POST', body }
  const answer = await fetch(address, { ...form, signal: AbortSignal.timeout(TIMEOUT_MS) })
  return new DOMParser().parseFromString(await answer.text(), 'text/html')
}

/** Shows that a form was not taken, as long as nothing else is shown in its part. */
function showFailure(part: HTMLElement): void {
  const found = part.querySelector('[data-not-saved]')
  if (found !== null) return
  const note = document.createElement('p')
  note.className = 'problem'
  note.role = 'alert'
  note.dataset['notSaved'] = ''
  note.textContent = textsOf(STUDIO_MESSAGES).notSaved
  part.append(note)
}
