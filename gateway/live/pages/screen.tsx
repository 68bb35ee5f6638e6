/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../web/components/icons.tsx'
import type { Language } from '../../web/messages.ts'
import type { StreamView } from '../broadcasts/present.ts'
import { WATCH_PAGE_MESSAGES } from './messages/watch-page.ts'
import { Poster } from './stream-card.tsx'
import { toPageUrl } from './addresses.ts'

/** What a screen plays. */
export type ScreenParts = {
  /** A broadcast, whose state the script follows; `null`: a recording. */
  readonly stream: Pick<StreamView, 'stream_id' | 'state' | 'latency' | 'scheduled_for'> | null
  /** The viewer that the page counts as. */
  readonly viewerId?: string
  readonly playbackUrl: string | null
  readonly posterUrl: string | null
  /** WebVTT of its chapters. */
  readonly chaptersUrl?: string | null
  readonly seed: string
  readonly root: string
  readonly language: Language
  /** The owner's preview: without sound. */
  readonly isPreview?: boolean
}

/**
 * Renders the screen of a broadcast or a recording: its poster with a veil that says what is happening. The page's script
 * mounts the player into it.
 */
export function Screen(parts: ScreenParts) {
  const { stream, viewerId, playbackUrl, posterUrl, chaptersUrl, seed, root, language, isPreview = false } = parts
  const text = WATCH_PAGE_MESSAGES[language]
  const source = playbackUrl === null ? undefined : toPageUrl(root, playbackUrl)
  return (
    <section
      class="screen"
      aria-label={text.player}
      data-screen={isPreview ? 'preview' : 'watch'}
      {...(stream === null ? RECORDING : dataOf(stream))}
      data-viewer={viewerId}
      data-source={source}
      data-chapters={chaptersUrl ?? undefined}
    >
      <Poster url={posterUrl} seed={seed} root={root} />
      <div class="screen-player" data-player></div>
      <FirstVeil state={stream?.state ?? 'ended'} isHidden={source !== undefined} language={language} />
      <p class="ribbon" data-ribbon hidden={stream?.state !== 'reconnecting'}>
        <Icon name="alert" />
        <span>{text.reconnecting}</span>
      </p>
      <button class="button unmute" type="button" data-unmute hidden>
        {text.unmute}
      </button>
      <p class="for-readers" role="status" data-announce></p>
      <WithoutScript source={source} language={language} />
    </section>
  )
}

type VeilParts = { readonly state: StreamView['state']; readonly isHidden: boolean; readonly language: Language }

/** Renders what is known before the script runs. */
function FirstVeil({ state, isHidden, language }: VeilParts) {
  const text = WATCH_PAGE_MESSAGES[language]
  const hasEnded = state === 'ended'
  return (
    <div class="veil" data-veil hidden={isHidden}>
      <h2 data-veil-title>{hasEnded ? text.endedTitle : text.readyTitle}</h2>
      <p data-veil-text>{hasEnded ? text.endedEmpty : text.readyText}</p>
      <button class="button" type="button" data-veil-button hidden></button>
    </div>
  )
}

const RECORDING = { 'data-state': 'ended' }

/** Returns what the page's script reads of a broadcast. */
function dataOf({ stream_id: id, state, latency, scheduled_for: scheduledFor }: NonNullable<ScreenParts['stream']>) {
  return {
    'data-stream': id,
    'data-state': state,
    'data-latency': latency,
    ...(scheduledFor === null ? {} : { 'data-scheduled': scheduledFor }),
  }
}

type WithoutScriptParts = { readonly source: string | undefined; readonly language: Language }

function WithoutScript({ source, language }: WithoutScriptParts) {
  if (source === undefined) return null
  return (
    <noscript>
      <div class="veil">
        <p>{WATCH_PAGE_MESSAGES[language].noScript}</p>
        <a href={source}>{source}</a>
      </div>
    </noscript>
  )
}
