/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MonitorArt } from '../../../web/components/art.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { Language } from '../../../web/messages.ts'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import type { Visit } from '../visit.ts'
import type { HomeView } from './read-lists.ts'

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

type NothingFoundParts = { readonly language: Language; readonly view: Pick<HomeView, 'text' | 'category'> }

/** Renders that a search has no result, or that a category is empty. */
export function NothingFound({ language, view }: NothingFoundParts) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const isSearch = view.text !== ''
  return (
    <section class="blank">
      <MonitorArt lamp="off" />
      <h2>{isSearch ? text.noResultsTitle : text.emptyCategoryTitle(view.category)}</h2>
      <p>{isSearch ? text.noResultsText : text.emptyCategoryText}</p>
      <a class="button" href="./">
        {text.showAll}
      </a>
    </section>
  )
}
