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
import MediaPreviewTimeDisplay from 'media-chrome/media-preview-time-display'
import MediaTimeRange from 'media-chrome/media-time-range'
import MediaTooltip from 'media-chrome/media-tooltip'
import MediaVolumeRange from 'media-chrome/media-volume-range'
import { addTranslation, setLanguage } from 'media-chrome/utils/i18n'

import { WATCH_MESSAGES } from '../../messages/watch.ts'
import { formatClock } from '../../time-text.ts'
import { textsOf } from '../elements.ts'
import { allowStyles } from './allow-styles.ts'
import { buildElement, type Controls } from './build-element.ts'
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
  MediaPreviewTimeDisplay,
  MediaTimeRange,
  MediaTooltip,
  MediaVolumeRange,
])

/** Loads the texts of the controls in the language of the page. */
async function loadControlTexts(): Promise<void> {
  const { lang } = document.documentElement
  if (lang === 'ja') addTranslation('ja', { ...(await import('../../messages/controls.ts')).JAPANESE_CONTROLS })
  setLanguage(lang)
}

/** Keys that the quality menu needs for itself. */
const MENU_KEYS = 'ArrowUp ArrowDown ArrowLeft ArrowRight Enter Space Home End'

/** Builds a player with its controls. Keys work as they do on other platforms: space, K, M, F, arrows. */
export async function buildControls({
  isLive,
  chaptersUrl,
}: Pick<PlayerOptions, 'isLive' | 'chaptersUrl'>): Promise<Controls> {
  await loadControlTexts()
  const video = buildElement('video', { slot: 'media', playsinline: '', crossorigin: 'anonymous' })
  if (chaptersUrl !== null) video.append(buildElement('track', { kind: 'chapters', src: chaptersUrl, default: '' }))
  const quality = buildElement('select', { class: 'player-quality', 'aria-label': text.quality, keysused: MENU_KEYS })
  const delay = buildElement('span', { class: 'player-delay', title: text.delay })
  delay.hidden = true
  const position = buildElement('span', { class: 'player-position', title: text.position })
  const kind = isLive ? [buildElement('media-live-button'), delay] : [position]
  for (const event of ['timeupdate', 'durationchange']) {
    video.addEventListener(event, () => showPosition(position, video))
  }
  const bar = buildElement('media-control-bar')
  bar.append(
    buildElement('media-play-button'),
    buildElement('media-mute-button'),
    buildElement('media-volume-range'),
    ...kind,
    buildElement('span', { class: 'player-space' }),
    buildCaptions(video),
    quality,
    buildElement('media-pip-button'),
    buildElement('media-fullscreen-button'),
  )
  const controller = buildElement('media-controller', {
    defaultstreamtype: isLive ? 'dvr' : 'on-demand',
    liveedgeoffset: '6',
    // The dialog of its keys is left out of the scripts of pages.
    hotkeys: 'noshift+/',
    lang: document.documentElement.lang,
  })
  const timeline = buildElement('media-control-bar', { class: 'player-timeline' })
  timeline.append(buildElement('media-time-range'))
  controller.append(
    video,
    buildElement('media-loading-indicator', { slot: 'centered-chrome', noautohide: '' }),
    timeline,
    bar,
  )
  return { controller, video, quality, delay }
}

/** Builds the switch of captions, which shows itself where the picture has any. */
function buildCaptions({ textTracks }: HTMLVideoElement): HTMLElement {
  const button = buildElement('media-captions-button')
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
