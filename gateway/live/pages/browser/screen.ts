import { WATCH_MESSAGES } from '../messages/watch.ts'
import type { StateEvent } from '../stream-events.ts'
import { fetchPlaybackUrl } from './broadcast-events.ts'
import { chooseAction } from './choose-action.ts'
import { setHidden, setText, siteUrl, textsOf, type ViewerQuery } from './elements.ts'
import { createEndWatch, type EndWatch } from './player/last-pictures.ts'
import type { MountedPlayer } from './player/mount-player.ts'
import { toState } from './state-badge.ts'
import { attachVeil, type Veil } from './veil.ts'

/** The screen of a page: the player, and what is said over it. */
export type Screen = {
  /** Shows the state of a broadcast. */
  show(state: Pick<StateEvent, 'state' | 'is_playable'>): void
  showConnection(isConnected: boolean): void
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
  }
  act(run)
  return {
    show(next) {
      const before = run.state
      run.state = next.state
      run.isPlayable = next.is_playable
      if (before !== next.state) announce(root, before, next.state)
      act(run)
    },
    showConnection: (isConnected) =>
      setText(root, '[data-announce]', isConnected ? text.backOnline : text.lostConnection),
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
  const { scheduled } = root.dataset
  if (state === 'scheduled' && scheduled !== undefined) veil.countDown(scheduled)
  else if (root.dataset['screen'] === 'preview') veil.show({ title: text.previewTitle, text: text.previewText })
  else veil.show({ title: text.readyTitle, text: text.readyText })
}

/** Mounts the player, once. A recording that opens with its page waits for a click. */
async function play(run: ScreenRun, isLive: boolean): Promise<void> {
  if (run.isMounting || run.player !== null) return
  run.isMounting = true
  const { root, veil } = run
  try {
    const url = await addressOf(run)
    if (url === null) {
      setTimeout(() => act(run), RETRY_MS)
      return
    }
    const { mountPlayer } = await import('./player/mount-player.ts')
    run.player = await mountPlayer(root, {
      url,
      isLive,
      isLowLatency: root.dataset['latency'] === 'low',
      isMuted: root.dataset['screen'] === 'preview',
      autoplay: isLive || run.hasPlayed,
      startSec: isLive ? 0 : startOf(location.search),
      chaptersUrl: root.dataset['chapters'] ?? null,
      onProblem: (isUnsupported) => showProblem(run, isUnsupported),
      onPlaying: () => veil.hide(),
      onEnd: () => isLive && void offerAgain(run),
    })
    run.hasPlayed = true
    veil.hide()
  } catch {
    showProblem(run, false)
  } finally {
    run.isMounting = false
  }
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

function showProblem(run: ScreenRun, isUnsupported: boolean): void {
  if (isUnsupported) {
    run.veil.show({ title: text.problemTitle, text: text.unsupported })
    return
  }
  const restart = () => {
    unmount(run)
    void play(run, run.state !== 'ended')
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
