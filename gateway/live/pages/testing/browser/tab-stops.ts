/** Runs in a page before its own scripts: knows what Tab must reach there, and describes what has the focus. */

/** What has the focus, whether it had it before, and what is wrong with it or with what had it before. */
type TabStop = { readonly label: string | null; readonly isSame: boolean; readonly problems: readonly string[] }

const FOCUSABLE =
  'a[href], button, input:not([type=hidden]), select, textarea, details > summary, [tabindex], audio[controls], video[controls]'

/** What moves would look like something else for a moment. */
const still = new CSSStyleSheet()
still.replaceSync('*, ::before, ::after { transition: none !important; animation: none !important }')
let first: Element | null = null
let before: { readonly element: Element; readonly looks: string } | null = null

/** Returns the labels of what Tab must reach below an element, in the order of the document. */
function listStops(within: ParentNode = document): string[] {
  return Array.from(within.querySelectorAll<HTMLElement>('*')).filter(isStop).map(labelOf)
}

function isStop(element: HTMLElement): boolean {
  if (!element.checkVisibility({ visibilityProperty: true }) || element.closest('[inert]') !== null) return false
  if (element.matches(FOCUSABLE)) return element.tabIndex >= 0 && !element.matches(':disabled') && isOfGroup(element)
  return hasInnerStop(element) || isScroller(element)
}

/** Returns whether Tab stops at this one of a group of radio buttons: at the chosen one. */
function isOfGroup(element: HTMLElement): boolean {
  if (!(element instanceof HTMLInputElement) || element.type !== 'radio' || element.checked) return true
  const group = element.form?.elements.namedItem(element.name)
  return group instanceof RadioNodeList && group.value === '' && group[0] === element
}

/** Returns whether an element of a library has what can be focused within itself. */
function hasInnerStop({ shadowRoot }: HTMLElement): boolean {
  return shadowRoot !== null && Array.from(shadowRoot.querySelectorAll<HTMLElement>('*')).some(isStop)
}

/** Returns whether the browser lets one scroll an area by the keyboard, which has nothing to focus. */
function isScroller(element: HTMLElement): boolean {
  const { overflowX, overflowY } = getComputedStyle(element)
  const { scrollHeight, clientHeight, scrollWidth, clientWidth } = element
  const scrolls = (overflow: string, isLonger: boolean) => isLonger && (overflow === 'auto' || overflow === 'scroll')
  const isLonger = scrolls(overflowY, scrollHeight > clientHeight) || scrolls(overflowX, scrollWidth > clientWidth)
  return isLonger && element !== document.documentElement && listStops(element).length === 0
}

function labelOf(element: Element): string {
  const name = element.ariaLabel ?? element.textContent.replaceAll(/\s+/g, ' ').trim()
  return `${element.localName} ${name || element.getAttribute('name') || element.id || element.className}`.slice(0, 80)
}

/** Describes what has the focus; its label is `null` where Tab has left the page, or begins again. */
function readStop(): TabStop {
  const { activeElement: element, body } = document
  // Parts of a field, such as the day of a date, have their own sign.
  if (element !== null && element === before?.element) return { label: labelOf(element), isSame: true, problems: [] }
  const problems = before === null ? [] : findHiddenFocus(before)
  before = null
  if (element === null || element === body || element === first) return { label: null, isSame: false, problems }
  first ??= element
  before = { element, looks: looksOf(element) }
  if (isOutOfSight(element)) problems.push(`has the focus out of sight: ${labelOf(element)}`)
  return { label: labelOf(element), isSame: false, problems }
}

function findHiddenFocus({ element, looks }: { readonly element: Element; readonly looks: string }): string[] {
  return looks === looksOf(element) ? [`does not show that it has the focus: ${labelOf(element)}`] : []
}

/** Returns how the focus shows: at the element, within it, or at what stands for it. */
function looksOf(element: Element): string {
  const { parentElement, nextElementSibling, shadowRoot } = element
  const all = [element, parentElement, nextElementSibling, ...(shadowRoot?.querySelectorAll('*') ?? [])]
  return all
    .flatMap((one) => {
      if (one === null) return []
      const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(one)
      return [outlineStyle === 'none' ? 'none' : `${outlineStyle} ${outlineWidth} ${outlineColor}`, boxShadow]
    })
    .join(';')
}

/** Returns whether an element is outside of the window, or something lies over its middle. */
function isOutOfSight(element: Element): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect()
  const [x, y] = [
    (Math.max(left, 0) + Math.min(right, innerWidth)) / 2,
    (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2,
  ]
  const shown = document.elementFromPoint(x, y)
  return shown === null || !(element.contains(shown) || shown.contains(element) || isSame(shown, element))
}

/** Returns whether two elements belong to one label. */
function isSame(one: Element, other: Element): boolean {
  const label = one.closest('label')
  return label !== null && label.contains(other)
}

/** Lets Tab begin at the top of the page; returns what it must reach. */
function beginStops(): string[] {
  first = null
  before = null
  document.adoptedStyleSheets = [still]
  scrollTo(0, 0)
  const { body } = document
  body.tabIndex = -1
  body.focus()
  body.removeAttribute('tabindex')
  return listStops()
}

/** Returns what one can open: questions before what cannot be undone, and boxes with more. */
function findBoxes(): HTMLDetailsElement[] {
  return Array.from(document.querySelectorAll('details')).filter((box) => !box.open && box.checkVisibility())
}

Object.assign(window, { tabStops: { beginStops, readStop, listStops, findBoxes } })
