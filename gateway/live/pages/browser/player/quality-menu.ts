import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { textsOf } from '../elements.ts'
import type { OpenSource } from './open-source.ts'

const text = textsOf(WATCH_MESSAGES)
const AUTO = -1

/** Fills the menu of renditions, and follows what is chosen in it. */
export function attachQualityMenu(menu: HTMLSelectElement, source: OpenSource): void {
  function showRenditions(): void {
    const heights = source.heights()
    menu.hidden = heights.length < 2
    if (menu.options.length !== heights.length + 1) {
      const sorted = heights.map((height, rendition) => ({ height, rendition })).toSorted((a, b) => b.height - a.height)
      menu.replaceChildren(
        new Option(text.auto, String(AUTO)),
        ...sorted.map(({ height, rendition }) => new Option(`${height}p`, String(rendition))),
      )
    }
    const [auto] = menu.options
    const playing = heights[source.current()]
    if (auto !== undefined) auto.text = playing === undefined ? text.auto : text.autoNow(playing)
  }
  menu.addEventListener('change', () => source.choose(Number(menu.value)))
  source.subscribe(showRenditions)
  showRenditions()
}
