/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Language } from '../../../web/messages.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import { Moment } from '../moment.tsx'
import { CURVE_SIZE, drawCurve, type ViewerMinutes } from '../viewer-curve.ts'

type ViewersPanelParts = { readonly language: Language; readonly minutes: ViewerMinutes; readonly isFinal: boolean }

/** Renders the viewers of a broadcast by minutes, with the peak; `isFinal`: nothing of it changes any more. */
export function ViewersPanel({ language, minutes, isFinal }: ViewersPanelParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  const curve = drawCurve(minutes)
  const { width, height } = CURVE_SIZE
  return (
    <section class="panel" aria-labelledby="curve-title" data-final={isFinal ? '' : undefined}>
      <div class="panel-head">
        <h2 id="curve-title">{text.curve}</h2>
        {curve === null ? (
          <p class="muted small">{text.curveWaiting}</p>
        ) : (
          <p class="small">
            <b>{text.curvePeak(curve.peak.count.toLocaleString(language))}</b> ·{' '}
            <Moment at={curve.peak.minute} language={language} format="time" />
          </p>
        )}
      </div>
      <svg class="curve" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        <polygon class="curve-area" points={curve?.area ?? ''} />
        <polyline class="curve-line" points={curve?.line ?? ''} vector-effect="non-scaling-stroke" />
        {curve === null ? null : (
          <line
            class="curve-peak"
            x1={curve.peak.x * width}
            x2={curve.peak.x * width}
            y1="0"
            y2={height}
            vector-effect="non-scaling-stroke"
          />
        )}
      </svg>
    </section>
  )
}
