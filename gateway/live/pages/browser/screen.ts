import { WATCH_MESSAGES } from '../messages/watch.ts'
import type { StateEvent } from '../stream-events.ts'
import { fetchPlaybackUrl } from './broadcast-events.ts'
import { chooseAction } from './choose-action.ts'
import { setHidden, setText, siteUrl, textsOf, type ViewerQuery } from './elements.ts'
import { createEndWatch, type EndWatch } from './player/last-pictures.ts'
import type { MountedPlayer } from './player/mount-player.ts'
import type { PlayerPlace } from './player/player-options.ts'
import { toState } from './state-badge.ts'
import { attachVeil, type Veil } from './veil.ts'

/** The screen of a page: the player, and what is said over it. */
export type Screen = {
  /** Shows the state of a broadcast. */
  show(state: Pick<StateEvent, 'state' | 'is_playable' | 'scheduled_for'>): void
  /** Says that the connection is back; that it is lost is said by a note of the page. */
  showConnection(isConnected: boolean): void
  /** Shows that the broadcast may not be watched any more. */
  showGone(): void
}

/** What a screen works with. */
type ScreenRun = {
  readonly root: HTMLElement
  readonly viewer: ViewerQuery
  readonly veil: Veil
  readonly endWatch: EndWatch
  state: StateEvent['state']
  isPlayable: boolean
  player: MountedPlayer | null
  isMounting: boolean
  hasPlayed: boolean
  /** This browser cannot play, or its user may not watch any more. */
  isUnplayable: boolean
}

const text = textsOf(WATCH_MESSAGES)
/** Interval of looking whether a broadcast has something to play, in ms. */
const RETRY_MS = 1500

/** Attaches the screen of a page. `viewer` is added to the addresses that its player reads. */
export function attachScreen(root: HTMLElement, viewer: ViewerQuery): Screen {
  const run: ScreenRun = {
    root,
    viewer,
    veil: attachVeil(root),
    endWatch: createEndWatch(
      () => run.player?.isAtEnd() ?? false,
      () => void offerAgain(run),
    ),
    state: toState(root.dataset['state']),
    isPlayable: root.dataset['source'] !== undefined,
    player: null,
    isMounting: false,
    hasPlayed: false,
    isUnplayable: false,
  }
  act(run)
  return {
    show(next) {
      const before = run.state
      run.state = next.state
      run.isPlayable = next.is_playable
      root.dataset['scheduled'] = next.scheduled_for ?? ''
      if (before !== next.state) announce(root, before, next.state)
      act(run)
    },
    showConnection: (isConnected) => setText(root, '[data-announce]', isConnected ? text.backOnline : ''),
    showGone() {
      run.isUnplayable = true
      unmount(run)
      run.veil.show({ title: text.goneTitle, text: text.goneText })
    },
  }
}

/** Applies the state of a broadcast. */
function act(run: ScreenRun): void {
  setHidden(run.root, '[data-ribbon]', run.state !== 'reconnecting')
  const { state, isPlayable, hasPlayed } = run
  switch (chooseAction({ state, isPlayable, hasPlayed, isMounted: run.player !== null || run.isMounting })) {
    case 'wait':
      showWaiting(run)
      break
    case 'expect':
      run.veil.show({ title: text.startingTitle, text: text.startingText })
      break
    case 'play-live':
      void play(run, true)
      break
    case 'play-recording':
      void play(run, false)
      break
    case 'finish':
      run.endWatch.start()
      break
    case 'offer':
      void offerAgain(run)
      break
    case 'keep':
      break
  }
}

function showWaiting({ root, veil, state }: ScreenRun): void {
  const { scheduled = '' } = root.dataset
  if (state === 'scheduled' && scheduled !== '') veil.countDown(scheduled)
  else if (root.dataset['screen'] === 'preview') veil.show({ title: text.previewTitle, text: text.previewText })
  else veil.show({ title: text.readyTitle, text: text.readyText })
}

/** Starts the player, once. A recording that opens with its page waits for a click. */
async function play(run: ScreenRun, isLive: boolean, place: PlayerPlace = firstPlace(isLive)): Promise<void> {
  if (run.isMounting || run.player !== null || run.isUnplayable) return
  run.isMounting = true
  const startsItself = isLive || run.hasPlayed
  try {
    run.player = await mount(run, isLive, place)
  } catch {
    showProblem(run)
  }
  run.isMounting = false
  if (run.player !== null) await begin(run, run.player, startsItself)
}

/** Shows a player that is mounted, once it plays or can be played. */
async function begin(run: ScreenRun, player: MountedPlayer, startsItself: boolean): Promise<void> {
  run.hasPlayed = true
  if (startsItself && !(await player.start())) return
  if (run.player === player) run.veil.hide()
}

/** Mounts the player; returns `null` where there is nothing to play yet, or this browser cannot. */
async function mount(run: ScreenRun, isLive: boolean, place: PlayerPlace): Promise<MountedPlayer | null> {
  const { root, veil } = run
  const url = await addressOf(run)
  if (url === null) {
    setTimeout(() => act(run), RETRY_MS)
    return null
  }
  const { mountPlayer } = await import('./player/mount-player.ts')
  const player = await mountPlayer(root, {
    url,
    isLive,
    ...place,
    isLowLatency: root.dataset['latency'] === 'low',
    isPreview: root.dataset['screen'] === 'preview',
    chaptersUrl: root.dataset['chapters'] ?? null,
    onProblem: () => showProblem(run),
    onPlaying: () => veil.hide(),
    onEnd: () => isLive && void offerAgain(run),
  })
  if (player === null) {
    run.isUnplayable = true
    veil.show({ title: text.problemTitle, text: text.unsupported })
  }
  return player
}

/** Returns where a player begins: at the newest picture, or where the address of the page says. */
function firstPlace(isLive: boolean): PlayerPlace {
  return { startSec: isLive ? 0 : startOf(location.search), behindSec: 0 }
}

/** Returns the second that the address of a page names (`?t=90`); 0 where it names none. */
function startOf(search: string): number {
  const seconds = Number(new URLSearchParams(search).get('t') ?? 0)
  return seconds > 0 && Number.isFinite(seconds) ? seconds : 0
}

/** Returns the address of what the screen plays now, with the name of its viewer; `null` where there is nothing yet. */
async function addressOf({ root, viewer }: ScreenRun): Promise<string | null> {
  const { stream, source } = root.dataset
  if (stream === undefined) return source === undefined ? null : new URL(source, document.baseURI).href
  const url = await fetchPlaybackUrl(stream)
  if (url === null) return null
  const address = new URL(url.startsWith('/') ? siteUrl(url.slice(1)) : url, document.baseURI)
  address.searchParams.set(...viewer)
  return address.href
}

function showProblem(run: ScreenRun): void {
  const restart = () => {
    const place = run.player?.place()
    unmount(run)
    void play(run, run.state !== 'ended', place)
  }
  run.veil.show({ title: text.problemTitle, text: text.problemText, button: text.tryAgain, act: restart })
}

/** Shows that a broadcast has ended, and offers it from the beginning where there is a recording. */
async function offerAgain(run: ScreenRun): Promise<void> {
  unmount(run)
  const url = await addressOf(run)
  const again = () => void play(run, false)
  if (url === null) run.veil.show({ title: text.endedTitle, text: text.endedEmpty })
  else run.veil.show({ title: text.endedTitle, text: text.endedText, button: text.again, act: again })
}

function unmount(run: ScreenRun): void {
  run.endWatch.stop()
  run.player?.destroy()
  run.player = null
}

/** Lets readers hear of a change. */
function announce(root: HTMLElement, before: StateEvent['state'], after: StateEvent['state']): void {
  const lines: Partial<Record<StateEvent['state'], string>> = {
    live: before === 'reconnecting' ? text.backOnline : text.nowLive,
    reconnecting: text.reconnecting,
    ended: text.nowEnded,
  }
  const line = lines[after]
  if (line !== undefined) setText(root, '[data-announce]', line)
}
