/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'

import type { Language } from '../../../web/messages.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { WATCH_PAGE_MESSAGES } from '../messages/watch-page.ts'
import { Moment } from '../moment.tsx'

const ROOT = '..'

type AboutParts = { readonly stream: StreamView; readonly language: Language }

/** Renders what a broadcast is about. What it has not is hidden: the page's script shows it when that changes. */
export function About({ stream, language }: AboutParts) {
  const text = WATCH_PAGE_MESSAGES[language]
  const { description, category, tags, started_at: startedAt, ended_at: endedAt } = stream
  const plannedFor = startedAt === null ? stream.scheduled_for : null
  return (
    <section class="panel about" aria-label={text.about} data-about data-tag-href={`${ROOT}/?q=`}>
      <dl class="facts">
        <Fact kind="category" name={text.category} isHidden={category === ''}>
          {category}
        </Fact>
        <TimeFact
          kind="planned"
          name={BROADCAST_LIST_MESSAGES[language].startsAt}
          at={plannedFor}
          stream={stream}
          language={language}
        />
        <TimeFact kind="started" name={text.started} at={startedAt} stream={stream} language={language} />
        <TimeFact kind="ended" name={text.ended} at={endedAt} stream={stream} language={language} />
        <Fact kind="peak" name={text.peak} isHidden={startedAt === null}>
          <span data-peak>{stream.peak_viewers}</span>
        </Fact>
      </dl>
      <p class="description" data-fact="description" hidden={description === ''}>
        {description}
      </p>
      <ul class="tags" data-fact="tags" hidden={tags.length === 0}>
        {tags.map((tag) => (
          <li>
            <a class="chip" href={`${ROOT}/?q=${encodeURIComponent(tag)}`}>
              {tag}
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}

type FactParts = { readonly kind: string; readonly name: string; readonly isHidden: boolean; readonly children: Child }

function Fact({ kind, name, isHidden, children }: FactParts) {
  return (
    <div data-fact={kind} hidden={isHidden}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

type TimeFactParts = AboutParts & { readonly kind: string; readonly name: string; readonly at: string | null }

function TimeFact({ kind, name, at, stream, language }: TimeFactParts) {
  return (
    <Fact kind={kind} name={name} isHidden={at === null}>
      <Moment at={at ?? stream.created_at} language={language} />
    </Fact>
  )
}
