/** Runs on the pages of the studio: the preview, the health of the encoder, and times in the viewer's zone. */

import type * as v from 'valibot'

import { SIGNED_OUT } from '../../../web/browser/signed-out.ts'
import { BROADCAST_MESSAGES } from '../messages/broadcasts.ts'
import { STUDIO_MESSAGES } from '../messages/studio.ts'
import { HealthEvent, TargetsEvent } from '../studio-events.ts'
import { followBroadcast, parseEvent } from './broadcast-events.ts'
import { attachChat } from './chat/attach-chat.ts'
import { setHidden, setText, textsOf } from './elements.ts'
import { attachGoLive } from './go-live/panel.ts'
import { attachHealth } from './health-lanes.ts'
import { attachClock } from './on-air-clock.ts'
import { attachScreen } from './screen.ts'
import { showTargets } from './targets.ts'
import { isOnAir, showState } from './state-badge.ts'

/** A broadcaster is no viewer of the own broadcast. */
const NO_VIEWER = ['monitor', ''] as const

const room = document.querySelector<HTMLElement>('[data-studio]')
if (room !== null) openRoom(room)
const chat = document.querySelector<HTMLElement>('[data-chat]')
if (chat !== null) attachChat(chat)
for (const field of document.querySelectorAll<HTMLElement>('[data-start]')) attachStart(field)
for (const panel of document.querySelectorAll<HTMLElement>('[data-go-live]')) attachGoLive(panel)

function openRoom(element: HTMLElement): void {
  const streamId = element.dataset['studio'] ?? ''
  // The page answers a form: a reload shows the broadcast, and does not send the form again.
  history.replaceState(null, '', new URL(streamId, document.baseURI))
  const preview = element.querySelector<HTMLElement>('[data-screen]')
  const panel = element.querySelector<HTMLElement>('[data-health]')
  const screen = preview === null ? null : attachScreen(preview, NO_VIEWER)
  const showHealth = panel === null ? () => undefined : attachHealth(panel)
  const targets = element.querySelector<HTMLElement>('[data-targets]')
  const showAllTargets = (event: TargetsEvent) => targets !== null && showTargets(targets, event)
  const clock = attachClock()
  if (preview?.dataset['state'] === 'ended') return
  const stop = followBroadcast(streamId, NO_VIEWER, {
    onState(event) {
      showState(event.state)
      setHidden(document, '[data-viewer-figures]', !isOnAir(event.state))
      clock.start(isOnAir(event.state) ? event.started_at : null)
      screen?.show(event)
    },
    onViewers({ viewer_count: count, peak_viewers: peak }) {
      setText(document, '[data-viewer-count]', textsOf(BROADCAST_MESSAGES).viewers(count))
      setText(document, '[data-peak-viewers]', String(peak))
    },
    others: new Map([
      ['health', (data) => showParsed(HealthEvent, data, showHealth)],
      ['targets', (data) => showParsed(TargetsEvent, data, showAllTargets)],
    ]),
    onConnection: (isConnected) => setHidden(document, '[data-stale]', isConnected),
    onGone: () => screen?.showGone(),
  })
  document.addEventListener(SIGNED_OUT, () => {
    stop()
    // Nobody brings its values up to date any more.
    setHidden(element, '[data-health]', true)
  })
}

/** Shows the data of an event, unless a newer gateway means something else by it. */
function showParsed<Schema extends v.GenericSchema>(
  schema: Schema,
  data: unknown,
  show: (event: v.InferOutput<Schema>) => unknown,
): void {
  const event = parseEvent(schema, data)
  if (event !== null) show(event)
}

/** Shows a planned start in the viewer's zone, and sends it as a moment. */
function attachStart(field: HTMLElement): void {
  const shown = field.querySelector<HTMLInputElement>('input[type="datetime-local"]')
  const sent = field.querySelector<HTMLInputElement>('input[type="hidden"]')
  if (shown === null || sent === null) return
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  setText(field, '.hint', textsOf(STUDIO_MESSAGES).scheduledHint(timeZone))
  const moment = field.dataset['start'] ?? ''
  if (moment !== '') shown.value = toLocal(new Date(moment))
  const keep = () => {
    sent.value = shown.value === '' ? '' : new Date(shown.value).toISOString()
  }
  shown.addEventListener('change', keep)
  keep()
}

/** Returns a moment as `datetime-local` has it. */
function toLocal(moment: Date): string {
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)
}
