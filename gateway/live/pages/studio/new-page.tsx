/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Note } from '../../../web/components/forms.tsx'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { FormKey } from '../form-key.tsx'
import { showPage } from '../frame.tsx'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import type { UserVisit } from '../visit.ts'
import { DetailsFields } from './details-form.tsx'
import type { StreamField } from './stream-form.ts'

/** The script of the studio, as a path below `gateway/`. */
export const STUDIO_SCRIPT = 'live/pages/browser/studio.ts'

type NewForm = { readonly values: FormTexts; readonly problems: FieldProblems<StreamField> }

/** Shows the form of a new broadcast, with what is wrong with it. */
export function showNewForm(visit: UserVisit, { values, problems }: NewForm): Promise<Response> {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  const status = Object.keys(problems).length === 0 ? 200 : 400
  const main = (
    <div class="wrap wrap-narrow stack">
      <h1>{text.newBroadcast}</h1>
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <form class="form panel" method="post" action="new" novalidate>
        <FormKey values={values} />
        <DetailsFields
          language={visit.language}
          values={values}
          problems={problems}
          stage="planned"
          isFirst={status === 200}
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.create}
          </button>
        </div>
      </form>
    </div>
  )
  return showPage(visit, {
    title: text.newBroadcast,
    root: '..',
    main,
    status,
    section: 'studio',
    scripts: [STUDIO_SCRIPT],
  })
}
