/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MAX_TARGETS } from '../../../../shared/contract/live-targets.ts'
import { Field, Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { TargetView } from '../../targets/present.ts'
import type { FieldProblems } from '../form-body.ts'
import { TARGET_MESSAGES } from '../messages/targets.ts'
import { describeTargetCondition } from '../target-note.ts'
import { Confirm } from '../confirm.tsx'

/** The form of a new target, where something is wrong with it. Its key is not repeated. */
export type TargetForm = { readonly url: string; readonly problems: FieldProblems<'url' | 'key'> }

type TargetsParts = {
  readonly language: Language
  readonly streamId: string
  readonly targets: readonly TargetView[]
  readonly form: TargetForm
}

/** Renders the platforms that a broadcast is pushed to, and the form of a further one. */
export function TargetsPanel({ language, streamId, targets, form }: TargetsParts) {
  const text = TARGET_MESSAGES[language]
  return (
    <section class="panel" id="targets" aria-labelledby="targets-title" data-targets>
      <h2 id="targets-title">{text.title}</h2>
      <p class="muted">{text.lead}</p>
      {targets.length === 0 ? null : (
        <ul class="targets">
          {targets.map((target) => (
            <TargetItem language={language} streamId={streamId} target={target} />
          ))}
        </ul>
      )}
      {targets.length < MAX_TARGETS ? (
        <AddForm language={language} streamId={streamId} form={form} />
      ) : (
        <Note kind="planned" title={text.full} />
      )}
    </section>
  )
}

type TargetParts = { readonly language: Language; readonly streamId: string; readonly target: TargetView }

function TargetItem({ language, streamId, target }: TargetParts) {
  const text = TARGET_MESSAGES[language]
  return (
    <li class="target" data-target={target.target_id}>
      <div class="target-head">
        <span class={`badge target-${target.state}`} data-target-state>
          {text.states[target.state]}
        </span>
        <code>{target.url}</code>
      </div>
      <p class="muted small" data-target-note>
        {describeTargetCondition(target, text)}
      </p>
      <Confirm
        title={text.remove}
        text={text.removeText}
        button={text.removeButton}
        form="target-remove"
        action={streamId}
        fields={{ target_id: target.target_id }}
      />
    </li>
  )
}

type AddParts = { readonly language: Language; readonly streamId: string; readonly form: TargetForm }

function AddForm({ language, streamId, form: { url, problems } }: AddParts) {
  const text = TARGET_MESSAGES[language]
  return (
    <form class="form" method="post" action={streamId} novalidate>
      <input type="hidden" name="form" value="target-add" />
      {problems.form === undefined ? null : <Note kind="alert" title={problems.form} />}
      <Field
        name="url"
        id="target-url"
        label={text.url}
        hint={text.urlHint}
        value={url}
        problem={problems.url}
        autocomplete="off"
      />
      <Field
        name="key"
        id="target-key"
        type="password"
        label={text.key}
        hint={text.keyHint}
        problem={problems.key}
        autocomplete="off"
      />
      <div class="actions">
        <button class="button" type="submit">
          {text.add}
        </button>
      </div>
    </form>
  )
}
