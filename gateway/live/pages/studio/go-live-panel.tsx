/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../../web/messages.ts'
import { GO_LIVE_MESSAGES } from '../messages/go-live.ts'

type GoLiveParts = { readonly language: Language; readonly streamId: string; readonly reconnectWindowMs: number }

/** Renders the panel that publishes from the browser. The page's script shows it. */
export function GoLivePanel({ language, streamId, reconnectWindowMs }: GoLiveParts) {
  const text = GO_LIVE_MESSAGES[language]
  return (
    <section
      class="panel"
      aria-labelledby="go-live-title"
      data-go-live={streamId}
      data-go-live-window={reconnectWindowMs}
      hidden
    >
      <h2 id="go-live-title">{text.title}</h2>
      <p class="muted">{text.lead}</p>
      <div class="field-pair">
        <Choice name="source" label={text.source}>
          <option value="camera">{text.sources.camera}</option>
          <option value="screen">{text.sources.screen}</option>
        </Choice>
        <Choice name="camera" label={text.camera} isHidden />
        <Choice name="microphone" label={text.microphone} isHidden />
      </div>
      <video
        class="go-live-preview"
        data-go-live-preview
        muted
        autoplay
        playsinline
        aria-label={text.preview}
        hidden
      ></video>
      <p class="go-live-state" role="status" data-go-live-state>
        {text.states.idle}
      </p>
      <div class="actions">
        <button class="button" type="button" data-go-live-open>
          {text.open}
        </button>
        <button class="button button-primary" type="button" data-go-live-start hidden>
          {text.start}
        </button>
        <button class="button button-danger" type="button" data-go-live-stop hidden>
          {text.stop}
        </button>
        <button class="button" type="button" data-go-live-close hidden>
          {text.close}
        </button>
      </div>
    </section>
  )
}

type ChoiceParts = {
  readonly name: string
  readonly label: string
  readonly isHidden?: boolean
  readonly children?: unknown
}

function Choice({ name, label, isHidden = false, children }: ChoiceParts) {
  const id = `go-live-${name}`
  return (
    <div class="field" hidden={isHidden} data-go-live-choice={name}>
      <label for={id}>{label}</label>
      <select id={id}>{children}</select>
    </div>
  )
}
