import { showLocalTimes } from './local-times.ts'

/** What is written or chosen by the user. */
const FIELDS = 'input, textarea, select, [contenteditable]'
/** Marks what moves over a picture, which stays as long as its card does. */
const MOVING = ':scope > [data-moving]'

/**
 * Changes the content of an area to another one, only where both differ. The focus stays on its element, or goes to the new
 * one of the same kind. Returns false, and changes nothing, while a field of the area is being edited.
 */
export function replaceArea(area: HTMLElement, html: string): boolean {
  const focused = area.contains(document.activeElement) ? document.activeElement : null
  if (focused?.matches(FIELDS) === true) return false
  const place = focused === null ? null : placeOf(area, focused)
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html })
  showLocalTimes(content)
  replaceChildren(area, content)
  if (focused?.isConnected === false && place !== null) restoreFocus(area, place)
  return true
}

/** Replaces the children of a node that differ; all of them where their number does. */
function replaceChildren(node: ParentNode & Node, next: ParentNode & Node): void {
  if (node.querySelector(MOVING) !== null) return
  const [before, after] = [[...node.childNodes], [...next.childNodes]]
  if (before.length !== after.length) {
    node.replaceChildren(...after)
    return
  }
  for (const [index, fresh] of after.entries()) {
    const old = before[index]
    if (old === undefined || old.isEqualNode(fresh)) continue
    if (old instanceof Element && fresh instanceof Element && hasSameTag(old, fresh)) replaceChildren(old, fresh)
    else old.replaceWith(fresh)
  }
}

function hasSameTag(one: Element, other: Element): boolean {
  return one.cloneNode(false).isEqualNode(other.cloneNode(false))
}

/** Where the focus is: what identifies its element, and which of those it is. */
type FocusPlace = { readonly key: string; readonly index: number }

function placeOf(area: Element, focused: Element): FocusPlace {
  const key = keyOf(focused)
  return { key, index: alike(area, key).indexOf(focused) }
}

/** Returns what identifies an element over its changes: its id, or else where it leads, or what it is called. */
function keyOf(element: Element): string {
  const name = element.id || element.getAttribute('href') || element.getAttribute('name') || element.textContent
  return `${element.localName} ${name}`
}

function alike(area: Element, key: string): Element[] {
  return [...area.querySelectorAll('a, button, summary, [tabindex]')].filter((element) => keyOf(element) === key)
}

/** Focuses the element that is now where the focus was; the area itself where that is gone. */
function restoreFocus(area: HTMLElement, { key, index }: FocusPlace): void {
  const found = alike(area, key)
  const target = found[index] ?? found[0] ?? area
  if (target === area) area.tabIndex = -1
  if (target instanceof HTMLElement) target.focus({ preventScroll: true })
}
