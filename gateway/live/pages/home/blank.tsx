/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MonitorArt } from '../../../web/components/art.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { Language } from '../../../web/messages.ts'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import type { Visit } from '../visit.ts'

/** Renders that nothing is live, and how to go live. */
export function DarkStage({ visit: { language, signedIn } }: { readonly visit: Visit }) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const steps = [
    [text.step1, text.step1Text],
    [text.step2, text.step2Text],
    [text.step3, text.step3Text],
  ]
  return (
    <section class="stage">
      <div class="stage-lead">
        <MonitorArt lamp="off" />
        <h2>{text.darkTitle}</h2>
        <p class="muted">{text.darkText}</p>
        <a class="button button-primary" href={signedIn === null ? 'register?next=studio' : 'studio/new'}>
          <Icon name="camera" />
          {text.goLive}
        </a>
      </div>
      <ol class="steps" aria-label={text.steps}>
        {steps.map(([title, detail]) => (
          <li>
            <h3>{title}</h3>
            <p class="muted small">{detail}</p>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** Renders that a search has no result. */
export function NothingFound({ language }: { readonly language: Language }) {
  const text = BROADCAST_LIST_MESSAGES[language]
  return (
    <section class="blank">
      <MonitorArt lamp="off" />
      <h2>{text.noResultsTitle}</h2>
      <p>{text.noResultsText}</p>
      <a class="button" href="./">
        {text.showAll}
      </a>
    </section>
  )
}
