/** Runs on the pages of the studio: the preview, the health of the encoder, and times in the viewer's zone. */

import type * as v from 'valibot'

import { SIGNED_OUT } from '../../../web/browser/signed-out.ts'
import { BROADCAST_MESSAGES } from '../messages/broadcasts.ts'
import type { StateEvent } from '../stream-events.ts'
import { HealthEvent, TargetsEvent } from '../studio-events.ts'
import { followBroadcast, parseEvent } from './broadcast-events.ts'
import { attachChat } from './chat/attach-chat.ts'
import { setHidden, setText, textsOf } from './elements.ts'
import { attachGoLive } from './go-live/panel.ts'
import { attachHealth } from './health-lanes.ts'
import { attachClock } from './on-air-clock.ts'
import { attachStudioParts, type StudioParts } from './room-parts.ts'
import { attachScreen, type Screen } from './screen.ts'
import { attachStart } from './start-field.ts'
import { showTargets } from './targets.ts'
import { isOnAir, showState, toState } from './state-badge.ts'

/** A broadcaster is no viewer of the own broadcast. */
const NO_VIEWER = ['monitor', ''] as const

/** Parts of the studio that change when its broadcast starts, and when it ends. */
const START_PARTS = ['details', 'notes']
const END_PARTS = ['actions', 'notes', 'health', 'connect', 'go-live', 'targets', 'details']
/** Forms after which there is no more to send, by their hidden field `form`. */
const LAST_FORMS: readonly unknown[] = ['end', 'delete']

const goLive = Array.from(document.querySelectorAll<HTMLElement>('[data-go-live]'), attachGoLive).at(0) ?? null
const room = document.querySelector<HTMLElement>('[data-studio]')
if (room !== null) openRoom(room)
const chat = document.querySelector<HTMLElement>('[data-chat]')
if (chat !== null) attachChat(chat)
for (const field of document.querySelectorAll<HTMLElement>('[data-start]')) attachStart(field)

function openRoom(element: HTMLElement): void {
  const streamId = element.dataset['studio'] ?? ''
  // The page answers a form: a reload shows the broadcast, and does not send the form again.
  history.replaceState(null, '', new URL(streamId, document.baseURI))
  const preview = element.querySelector<HTMLElement>('[data-screen]')
  const screen = preview === null ? null : attachScreen(preview, NO_VIEWER)
  const parts = attachStudioParts(element, location.href)
  element.addEventListener('submit', (event) => sendWhileOnAir(event, parts))
  if (preview?.dataset['state'] === 'ended') return
  followRoom(element, { streamId, screen, parts, state: toState(preview?.dataset['state']) })
}

/** Sends a form without leaving the page, which would end what is sent from it. */
function sendWhileOnAir(event: SubmitEvent, parts: StudioParts): void {
  const form = event.target
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || goLive?.isSending() !== true) return
  if (LAST_FORMS.includes(new FormData(form).get('form'))) return goLive.end()
  event.preventDefault()
  void parts.send(form, event.submitter)
}

type FollowedStudio = {
  readonly streamId: string
  readonly screen: Screen | null
  readonly parts: StudioParts
  state: StateEvent['state']
}

/** Keeps the studio of a broadcast up to date until that has ended. */
function followRoom(element: HTMLElement, followed: FollowedStudio): void {
  const { streamId, screen } = followed
  const panel = element.querySelector<HTMLElement>('[data-health]')
  const showHealth = panel === null ? () => undefined : attachHealth(panel)
  const targets = element.querySelector<HTMLElement>('[data-room-part="targets"]')
  const showAllTargets = (event: TargetsEvent) => targets !== null && showTargets(targets, event)
  const clock = attachClock()
  const stop = followBroadcast(streamId, NO_VIEWER, {
    onState(event) {
      showState(event.state)
      setText(document, '[data-title]', event.title)
      setHidden(document, '[data-viewer-figures]', !isOnAir(event.state))
      clock.start(isOnAir(event.state) ? event.started_at : null)
      screen?.show(event)
      renewRoom(followed, event.state)
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
    // Its values are not brought up to date any more.
    setHidden(element, '[data-health]', true)
  })
}

/** Shows those parts that another state changes. */
function renewRoom(followed: FollowedStudio, state: StateEvent['state']): void {
  if (state === followed.state) return
  followed.state = state
  if (state === 'ended') goLive?.end()
  void followed.parts.renew(state === 'ended' ? END_PARTS : START_PARTS)
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
