import { Icon } from '../../web/components/icons.tsx'
import type { Language } from '../../web/messages.ts'
import type { ArchiveDetails } from '../archives/present.ts'
import { Area } from './fresh-area.tsx'
import { Moment } from './moment.tsx'
import { VisibilityMark } from './stream-card.tsx'
import { formatClock } from './time-text.ts'

type FilmTitleParts = {
  /** A recording or a clip. */
  readonly film: Pick<ArchiveDetails, 'title' | 'duration' | 'created_at' | 'visibility'>
  /** What it is, in the language of the page. */
  readonly badge: string
  readonly language: Language
}

/** Renders the title of a recording or a clip, with its length, its time and who may see it, as the page keeps it up to date. */
export function FilmTitle({ film, badge, language }: FilmTitleParts) {
  return (
    <Area name="title">
      <h1>{film.title}</h1>
      <p class="watch-marks">
        <span class="badge badge-ended">{badge}</span>
        {film.duration === null ? null : (
          <span class="mark">
            <Icon name="clock" />
            {formatClock(film.duration)}
          </span>
        )}
        <span class="mark">
          <Moment at={film.created_at} language={language} />
        </span>
        <VisibilityMark visibility={film.visibility} language={language} />
      </p>
    </Area>
  )
}
