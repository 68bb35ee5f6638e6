import { showLocalTimes } from './local-times.ts'

/** Replaces the content of an area, unless it has the focus, which would be lost, or a picture of it moves. */
export function replaceArea(area: HTMLElement, html: string): boolean {
  if (area.contains(document.activeElement) || area.querySelector('[data-moving]') !== null) return false
  area.innerHTML = html
  showLocalTimes(area)
  return true
}
