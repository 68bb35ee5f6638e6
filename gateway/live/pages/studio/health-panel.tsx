/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../../web/messages.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'

/** The lanes of the health of a broadcast, from top to bottom. */
const LANES = ['bitrate', 'fps', 'keyframes', 'lag', 'jitter'] as const

const FACTS = ['video', 'audio', 'encoder', 'dropped'] as const

/** Renders the lanes of the encoder's health; the page's script draws them. */
export function HealthPanel({ language }: { readonly language: Language }) {
  const text = STUDIO_PAGE_MESSAGES[language]
  return (
    <section class="panel" aria-labelledby="health-title" data-health>
      <h2 id="health-title">{text.health}</h2>
      <ul class="advice" data-advice aria-live="polite">
        <li class="muted">{text.healthWaiting}</li>
      </ul>
      <div class="lanes">
        {LANES.map((lane) => (
          <div class="lane" data-lane={lane}>
            <span class="lane-name">{text.lanes[lane]}</span>
            <svg class="lane-chart" viewBox="0 0 300 40" preserveAspectRatio="none" aria-hidden="true">
              <polyline
                points=""
                fill="none"
                stroke="currentColor"
                stroke-width="1.5"
                vector-effect="non-scaling-stroke"
              />
            </svg>
            <span class="lane-value">–</span>
          </div>
        ))}
      </div>
      <dl class="facts">
        {FACTS.map((fact) => (
          <div>
            <dt>{text[fact]}</dt>
            <dd data-fact={fact}>–</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
