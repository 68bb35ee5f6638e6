import { showLocalTimes } from '../../../web/browser/local-times.ts'
import type { AboutEvent, StateEvent } from '../stream-events.ts'
import { find } from './elements.ts'

/** What a page says a broadcast is about. */
export type About = {
  showState(event: Pick<StateEvent, 'scheduled_for' | 'started_at' | 'ended_at'>): void
  show(event: AboutEvent): void
}

/** Attaches the panel of what a broadcast is about. */
export function attachAbout(panel: HTMLElement): About {
  const factOf = (name: string) => find(panel, `[data-fact="${name}"]`)

  function showMoment(name: string, at: string | null): void {
    const fact = factOf(name)
    fact.hidden = at === null
    if (at === null) return
    fact.querySelector('time')?.setAttribute('datetime', at)
    showLocalTimes(fact)
  }

  function showTags(tags: readonly string[]): void {
    const list = factOf('tags')
    list.hidden = tags.length === 0
    list.replaceChildren(...tags.map((tag) => createTag(tag, panel.dataset['tagHref'] ?? '')))
  }

  return {
    showState({ scheduled_for: scheduledFor, started_at: startedAt, ended_at: endedAt }) {
      showMoment('planned', startedAt === null ? scheduledFor : null)
      showMoment('started', startedAt)
      showMoment('ended', endedAt)
      factOf('peak').hidden = startedAt === null
    },
    show({ description, category, tags, visibility }) {
      factOf('description').hidden = description === ''
      factOf('description').textContent = description
      factOf('category').hidden = category === ''
      find(factOf('category'), 'dd').textContent = category
      showTags(tags)
      for (const mark of document.querySelectorAll<HTMLElement>('[data-visibility]')) {
        mark.hidden = mark.dataset['visibility'] !== visibility
      }
    },
  }
}

function createTag(tag: string, href: string): HTMLElement {
  const [item, link] = [document.createElement('li'), document.createElement('a')]
  link.className = 'chip'
  link.href = href + encodeURIComponent(tag)
  link.textContent = tag
  item.append(link)
  return item
}
