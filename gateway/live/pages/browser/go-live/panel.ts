/** The panel that publishes from the browser: preview, start, stop, and what has gone wrong. */

import { GO_LIVE_MESSAGES } from '../../messages/go-live.ts'
import { find, findButton, setText, textsOf } from '../elements.ts'
import {
  canCapture,
  canCaptureScreen,
  closeCapture,
  openCapture,
  toCaptureProblem,
  type CaptureChoice,
} from './capture.ts'
import { publish, PublishRefused, PublishUnreachable, type Publication } from './publish.ts'

const text = textsOf(GO_LIVE_MESSAGES)

type PanelState = keyof typeof text.states

/** Pause between attempts to connect again, in ms. */
const RETRY_MS = 3000

/** What is sent from a page. */
export type GoLive = {
  /** Returns whether the user wants to be on the air from this page. */
  isSending(): boolean
  /** Stops sending, and switches off the devices. */
  end(): void
}

type Panel = {
  readonly element: HTMLElement
  readonly streamId: string
  /** How long attempts to connect again go on, in ms: as long as an encoder may be away. */
  readonly windowMs: number
  /** The number of the newest attempt to open devices. */
  attempt: number
  capture: MediaStream | null
  publication: Publication | null
  /** The user wants to be on the air. */
  isWanted: boolean
  state: PanelState
}

/** Attaches the panel of a broadcast. */
export function attachGoLive(element: HTMLElement): GoLive {
  const panel: Panel = {
    element,
    streamId: element.dataset['goLive'] ?? '',
    windowMs: Number(element.dataset['goLiveWindow'] ?? 0),
    attempt: 0,
    capture: null,
    publication: null,
    isWanted: false,
    state: 'idle',
  }
  element.hidden = false
  findButton(element, '[data-go-live-open]').addEventListener('click', () => void openPreview(panel))
  findButton(element, '[data-go-live-start]').addEventListener('click', () => void start(panel))
  findButton(element, '[data-go-live-stop]').addEventListener('click', () => stop(panel))
  findButton(element, '[data-go-live-close]').addEventListener('click', () => closePreview(panel))
  for (const name of ['source', 'camera', 'microphone'] as const) {
    selectOf(panel, name).addEventListener('change', () => panel.capture !== null && void openPreview(panel))
  }
  addEventListener('pagehide', () => panel.publication?.stop())
  addEventListener('beforeunload', (event) => {
    if (panel.isWanted) event.preventDefault()
  })
  offerSources(panel)
  return {
    isSending: () => panel.isWanted,
    end() {
      stop(panel)
      closePreview(panel)
    },
  }
}

/** Offers what this browser can capture; phones cannot capture their screen. */
function offerSources(panel: Panel): void {
  if (!canCaptureScreen()) selectOf(panel, 'source').querySelector('[value="screen"]')?.remove()
  if (canCapture()) return show(panel, 'idle')
  show(panel, 'idle', text.problems.unsupported)
  findButton(panel.element, '[data-go-live-open]').disabled = true
}

function selectOf({ element }: Panel, name: string): HTMLSelectElement {
  const select = find(element, `[data-go-live-choice="${name}"] select`)
  if (select instanceof HTMLSelectElement) return select
  throw new Error(`${name} is no select`)
}

/** Shows a state, with a text of its own where something is wrong. */
function show(panel: Panel, state: PanelState, problem?: string): void {
  panel.state = state
  const { element, capture, isWanted } = panel
  element.dataset['goLiveIs'] = state
  setText(element, '[data-go-live-state]', problem ?? text.states[state])
  find(element, '[data-go-live-state]').classList.toggle('problem', problem !== undefined)
  find(element, '[data-go-live-open]').hidden = capture !== null || isWanted
  find(element, '[data-go-live-start]').hidden = capture === null || isWanted
  find(element, '[data-go-live-stop]').hidden = !isWanted
  find(element, '[data-go-live-close]').hidden = capture === null || isWanted
}

/** Opens the devices that are chosen, in place of those that are open. Where others are chosen meanwhile, those count. */
async function openPreview(panel: Panel): Promise<void> {
  const attempt = ++panel.attempt
  if (!panel.isWanted) show(panel, 'opening')
  try {
    const capture = await openCapture(readChoice(panel))
    if (attempt !== panel.attempt) return closeCapture(capture)
    await showPreview(panel, capture)
  } catch (error) {
    if (attempt !== panel.attempt) return
    // What was open before stays open.
    show(panel, panel.isWanted ? panel.state : idleState(panel), text.problems[toCaptureProblem(error)])
  }
}

async function showPreview(panel: Panel, capture: MediaStream): Promise<void> {
  const before = panel.capture
  panel.capture = capture
  await panel.publication?.replace(capture)
  if (before !== null) closeCapture(before)
  capture.getVideoTracks()[0]?.addEventListener('ended', () => handleSwitchedOff(panel, capture))
  showCapture(panel, capture)
  await listDevices(panel, capture)
  if (!panel.isWanted && panel.capture === capture) show(panel, 'ready')
}

/** Switches off the devices that are open, and those that are being opened. */
function closePreview(panel: Panel): void {
  panel.attempt++
  if (panel.capture !== null) closeCapture(panel.capture)
  panel.capture = null
  showCapture(panel, null)
  show(panel, 'idle')
}

function idleState({ capture }: Panel): PanelState {
  return capture === null ? 'idle' : 'ready'
}

function readChoice(panel: Panel): CaptureChoice {
  const microphone = selectOf(panel, 'microphone')
  return {
    source: selectOf(panel, 'source').value === 'screen' ? 'screen' : 'camera',
    cameraId: selectOf(panel, 'camera').value,
    microphoneId: microphone.value === 'none' ? null : microphone.value,
  }
}

function showCapture({ element }: Panel, capture: MediaStream | null): void {
  const preview = find(element, '[data-go-live-preview]')
  preview.hidden = capture === null
  if (preview instanceof HTMLVideoElement) preview.srcObject = capture
}

/** Offers the devices, whose names the browser says only once the page may use them. */
async function listDevices(panel: Panel, capture: MediaStream): Promise<void> {
  const devices = await navigator.mediaDevices.enumerateDevices()
  const isScreen = selectOf(panel, 'source').value === 'screen'
  const used = new Set(capture.getTracks().map((track) => track.getSettings().deviceId))
  const offer = (name: 'camera' | 'microphone', kind: MediaDeviceKind, extra: readonly HTMLOptionElement[]) => {
    const found = devices.filter((device) => device.kind === kind && device.deviceId !== '')
    const options = found.map(({ label, deviceId }, index) =>
      createOption(deviceId, label === '' ? text.device(index + 1) : label, used.has(deviceId)),
    )
    const select = selectOf(panel, name)
    const hasNone = select.value === 'none'
    select.replaceChildren(...options, ...extra)
    if (hasNone) select.value = 'none'
    find(panel.element, `[data-go-live-choice="${name}"]`).hidden =
      options.length === 0 || (name === 'camera' && isScreen)
  }
  offer('camera', 'videoinput', [])
  offer('microphone', 'audioinput', [createOption('none', text.noMicrophone, false)])
}

function createOption(value: string, label: string, isSelected: boolean): HTMLOptionElement {
  return new Option(label, value, isSelected, isSelected)
}

/** Handles that the user has ended the sharing of the screen, or unplugged the camera. */
function handleSwitchedOff(panel: Panel, capture: MediaStream): void {
  if (panel.capture !== capture) return
  stop(panel)
  closePreview(panel)
  show(panel, 'idle', text.problems.stopped)
}

function stop(panel: Panel): void {
  panel.isWanted = false
  panel.publication?.stop()
  panel.publication = null
  show(panel, idleState(panel))
}

async function start(panel: Panel): Promise<void> {
  panel.isWanted = true
  show(panel, 'connecting')
  const problem = await connect(panel)
  if (problem === null || !panel.isWanted) return
  panel.isWanted = false
  show(panel, 'ready', problem.message)
}

type ConnectProblem = { readonly message: string; readonly isFinal: boolean }

/** Connects once; returns what is wrong, or `null`. */
async function connect(panel: Panel): Promise<ConnectProblem | null> {
  const { streamId, capture } = panel
  if (capture === null) return { message: text.problems.stopped, isFinal: true }
  try {
    const publication = await publish({ streamId, capture, onLost: () => void reconnect(panel) })
    if (!panel.isWanted) {
      publication.stop()
      return null
    }
    panel.publication = publication
    // Another device may have been chosen meanwhile.
    if (panel.capture !== null && panel.capture !== capture) await publication.replace(panel.capture)
    show(panel, 'on_air')
    return null
  } catch (error) {
    if (error instanceof PublishRefused)
      return { message: text.refused(error.code, error.message), isFinal: error.isFinal }
    return { message: text.problems.unreachable, isFinal: error instanceof PublishUnreachable }
  }
}

/** Connects again and again after a lost connection, as long as the broadcast waits for it. */
async function reconnect(panel: Panel): Promise<void> {
  panel.publication = null
  const endMs = Date.now() + panel.windowMs
  let problem: ConnectProblem | null = null
  while (panel.isWanted && Date.now() < endMs) {
    show(panel, 'lost')
    problem = await connect(panel)
    if (problem === null) return
    if (problem.isFinal) break
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  if (!panel.isWanted) return
  panel.isWanted = false
  show(panel, idleState(panel), problem?.message)
}
