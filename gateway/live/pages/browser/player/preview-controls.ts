import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { textsOf } from '../elements.ts'
import { buildElement, type Controls } from './build-element.ts'

/** Builds the preview of a studio: with the browser's own controls, which cost its page no scripts. */
export function buildControls(): Controls {
  const text = textsOf(WATCH_MESSAGES)
  const video = buildElement('video', { controls: '', playsinline: '', crossorigin: 'anonymous' })
  const quality = buildElement('select', { class: 'player-quality', 'aria-label': text.quality })
  const delay = buildElement('span', { class: 'player-delay', title: text.delay })
  delay.hidden = true
  const bar = buildElement('div', { class: 'preview-bar' })
  bar.append(delay, quality)
  const controller = buildElement('div', { class: 'preview-player' })
  controller.append(video, bar)
  return { controller, video, quality, delay }
}
