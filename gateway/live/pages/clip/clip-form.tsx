/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field, Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { Language } from '../../../web/messages.ts'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { FormKey } from '../form-key.tsx'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import type { Visit } from '../visit.ts'

/** What a clip is cut of. */
export type ClipSource = { readonly kind: 'stream' | 'archive'; readonly id: string }

/** The fields of the form. */
export type ClipField = 'title' | 'duration' | 'start'

const LENGTHS_SEC = [10, 15, 30, 60, 90]
const USUAL_SEC = '30'

/** Returns the page of what a clip is cut of, as its path below the root. */
export function sourcePathOf({ kind, id }: ClipSource): string {
  return `${kind === 'stream' ? 'watch' : 'archives'}/${id}`
}

type ClipFormParts = {
  readonly source: ClipSource
  readonly root: string
  readonly language: Language
  readonly values: FormTexts
  readonly problems: FieldProblems<ClipField>
}

/** Renders the form by which a clip is cut. With the page's script, it is about the moment that the player shows. */
export function ClipForm({ source, root, language, values, problems }: ClipFormParts) {
  const text = CLIP_MESSAGES[language]
  const { duration = USUAL_SEC } = values
  return (
    <form class="clip-form" method="post" action={`${root}/${sourcePathOf(source)}/clip`} data-clip-form>
      <FormKey values={values} />
      {problems.form === undefined ? null : (
        <Note kind="alert" title={text.refused}>
          {problems.form}
        </Note>
      )}
      <div class="field">
        <label for="clip-duration">{text.length}</label>
        <select id="clip-duration" name="duration">
          {LENGTHS_SEC.map((seconds) => (
            <option value={seconds} selected={duration === String(seconds)}>
              {text.seconds(seconds)}
            </option>
          ))}
        </select>
      </div>
      {source.kind === 'archive' ? (
        <Field
          id="clip-start"
          name="start"
          label={text.start}
          value={values['start'] ?? '0:00'}
          hint={text.startHint}
          problem={problems.start}
          autocomplete="off"
        />
      ) : (
        <input type="hidden" name="start" value={values['start'] ?? ''} />
      )}
      <Field
        id="clip-title"
        name="title"
        label={text.titleField}
        value={values['title'] ?? ''}
        hint={text.titleHint}
        problem={problems.title}
        autocomplete="off"
        maxLength={255}
        isOptional
      />
      {source.kind === 'stream' && Object.keys(problems).length === 0 ? <p class="hint">{text.liveHint}</p> : null}
      <button class="button button-primary" type="submit">
        {text.create}
      </button>
    </form>
  )
}

type ClipBoxParts = {
  readonly visit: Visit
  readonly source: ClipSource
  readonly root: string
  /** There is nothing to cut yet; the page's script shows it later. */
  readonly isHidden: boolean
}

/** Renders the button that opens the form. */
export function ClipBox({ visit: { signedIn, language }, source, root, isHidden }: ClipBoxParts) {
  const text = CLIP_MESSAGES[language]
  if (signedIn === null) {
    const next = encodeURIComponent(sourcePathOf(source))
    return (
      <a class="button" href={`${root}/sign-in?next=${next}`} data-clip hidden={isHidden}>
        <Icon name="scissors" />
        {text.signIn}
      </a>
    )
  }
  return (
    <details class="clip-box" data-clip hidden={isHidden}>
      <summary class="button">
        <Icon name="scissors" />
        {text.clip}
      </summary>
      <ClipForm source={source} root={root} language={language} values={{}} problems={{}} />
    </details>
  )
}
