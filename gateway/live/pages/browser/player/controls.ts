import { MediaCaptionsButton } from 'media-chrome/media-captions-button'
import MediaControlBar from 'media-chrome/media-control-bar'
import { MediaController } from 'media-chrome/media-controller'
import MediaFullscreenButton from 'media-chrome/media-fullscreen-button'
import MediaGestureReceiver from 'media-chrome/media-gesture-receiver'
import MediaLiveButton from 'media-chrome/media-live-button'
import MediaLoadingIndicator from 'media-chrome/media-loading-indicator'
import MediaMuteButton from 'media-chrome/media-mute-button'
import MediaPipButton from 'media-chrome/media-pip-button'
import { MediaPlayButton } from 'media-chrome/media-play-button'
import MediaPreviewChapterDisplay from 'media-chrome/media-preview-chapter-display'
import MediaPreviewThumbnail from 'media-chrome/media-preview-thumbnail'
import MediaPreviewTimeDisplay from 'media-chrome/media-preview-time-display'
import MediaTimeRange from 'media-chrome/media-time-range'
import MediaTooltip from 'media-chrome/media-tooltip'
import MediaVolumeRange from 'media-chrome/media-volume-range'
import { addTranslation, setLanguage } from 'media-chrome/utils/i18n'

import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { formatClock } from '../../time-text.ts'
import { textsOf } from '../elements.ts'
import { allowStyles } from './allow-styles.ts'
import type { PlayerOptions } from './player-options.ts'

const text = textsOf(WATCH_MESSAGES)

allowStyles([
  MediaCaptionsButton,
  MediaControlBar,
  MediaController,
  MediaFullscreenButton,
  MediaGestureReceiver,
  MediaLiveButton,
  MediaLoadingIndicator,
  MediaMuteButton,
  MediaPipButton,
  MediaPlayButton,
  MediaPreviewChapterDisplay,
  MediaPreviewThumbnail,
  MediaPreviewTimeDisplay,
  MediaTimeRange,
  MediaTooltip,
  MediaVolumeRange,
])

/** Loads the texts of the controls in the language of the page. */
export async function loadControlTexts(): Promise<void> {
  const { lang } = document.documentElement
  if (lang === 'ja') addTranslation('ja', { ...(await import('../../messages/controls.ts')).JAPANESE_CONTROLS })
  setLanguage(lang)
}

/** The elements of a player. */
export type Controls = {
  readonly controller: HTMLElement
  readonly video: HTMLVideoElement
  readonly quality: HTMLSelectElement
  readonly delay: HTMLElement
}

/** Keys that the quality menu needs for itself. */
const MENU_KEYS = 'ArrowUp ArrowDown ArrowLeft ArrowRight Enter Space Home End'

/** Builds a player with its controls. Keys work as they do on other platforms: space, K, M, F, arrows. */
export function buildControls({ isLive, chaptersUrl }: Pick<PlayerOptions, 'isLive' | 'chaptersUrl'>): Controls {
  const video = element('video', { slot: 'media', playsinline: '', crossorigin: 'anonymous' })
  if (chaptersUrl !== null) video.append(element('track', { kind: 'chapters', src: chaptersUrl, default: '' }))
  const quality = element('select', { class: 'player-quality', 'aria-label': text.quality, keysused: MENU_KEYS })
  const delay = element('span', { class: 'player-delay', title: text.delay })
  delay.hidden = true
  const position = element('span', { class: 'player-position', title: text.position })
  const kind = isLive ? [element('media-live-button'), delay] : [position]
  for (const event of ['timeupdate', 'durationchange']) {
    video.addEventListener(event, () => showPosition(position, video))
  }
  const bar = element('media-control-bar')
  bar.append(
    element('media-play-button'),
    element('media-mute-button'),
    element('media-volume-range'),
    ...kind,
    element('span', { class: 'player-space' }),
    buildCaptions(video),
    quality,
    element('media-pip-button'),
    element('media-fullscreen-button'),
  )
  const controller = element('media-controller', {
    defaultstreamtype: isLive ? 'dvr' : 'on-demand',
    liveedgeoffset: '6',
    // The dialog of its keys is left out of the scripts of pages.
    hotkeys: 'noshift+/',
    lang: document.documentElement.lang,
  })
  const timeline = element('media-control-bar', { class: 'player-timeline' })
  timeline.append(element('media-time-range'))
  controller.append(
    video,
    element('media-loading-indicator', { slot: 'centered-chrome', noautohide: '' }),
    timeline,
    bar,
  )
  return { controller, video, quality, delay }
}

/** Builds the switch of captions, which shows itself where the picture has any. */
function buildCaptions({ textTracks }: HTMLVideoElement): HTMLElement {
  const button = element('media-captions-button')
  const show = () => {
    button.hidden = ![...textTracks].some(({ kind }) => kind === 'captions' || kind === 'subtitles')
  }
  for (const event of ['addtrack', 'removetrack']) textTracks.addEventListener(event, show)
  show()
  return button
}

/** Shows how far a recording has played, and how long it is. */
function showPosition(position: HTMLElement, { currentTime, duration }: HTMLVideoElement): void {
  if (Number.isFinite(duration)) position.textContent = `${formatClock(currentTime)} / ${formatClock(duration)}`
}

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes?: Readonly<Record<string, string>>,
): HTMLElementTagNameMap[Name]
function element(name: string, attributes?: Readonly<Record<string, string>>): HTMLElement
function element(name: string, attributes: Readonly<Record<string, string>> = {}): HTMLElement {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
