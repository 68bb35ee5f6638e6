/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Field, TextArea } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import type { FormStage, StreamField } from './stream-form.ts'

/** What the fields of a broadcast show. */
export type DetailsParts = {
  readonly language: Language
  readonly values: FormTexts
  readonly problems: FieldProblems<StreamField>
  /** Once it has started, its start and its delay are settled, and once it has ended, its recording. */
  readonly stage: FormStage
  readonly isFirst?: boolean
}

const VISIBILITIES = ['public', 'unlisted', 'followers', 'private'] as const
const LATENCIES = ['low', 'normal'] as const

/** Renders the fields of a broadcast. */
export function DetailsFields({ language, values, problems, stage, isFirst = false }: DetailsParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  return (
    <>
      <TextFields language={language} values={values} problems={problems} isFirst={isFirst} />
      <Choices
        name="visibility"
        legend={text.visibility}
        chosen={values['visibility']}
        options={VISIBILITIES.map((value) => ({
          value,
          label: text.visibilities[value],
          hint: text.visibilityHints[value],
        }))}
        problem={problems.visibility}
      />
      {stage !== 'planned' ? null : (
        <>
          <Choices
            name="latency"
            legend={text.latency}
            chosen={values['latency']}
            options={LATENCIES.map((value) => ({
              value,
              label: text.latencies[value],
              hint: text.latencyHints[value],
            }))}
          />
          <StartField language={language} values={values} problem={problems.scheduled_for} />
        </>
      )}
      <div class="field">
        {stage === 'ended' ? null : <RecordField text={text.record} values={values} problem={problems.record} />}
        <label class="choice">
          <input type="checkbox" name="chat_replay" checked={values['chat_replay'] === 'on'} />
          <span>{text.chatReplay}</span>
        </label>
      </div>
    </>
  )
}

function TextFields({ language, values, problems, isFirst = false }: TextFieldsParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  return (
    <>
      <Field
        name="title"
        label={text.formTitle}
        hint={text.formTitleHint}
        value={values['title'] ?? ''}
        problem={problems.title}
        maxLength={255}
        isFirst={isFirst}
        autocomplete="off"
      />
      <TextArea
        name="description"
        label={text.description}
        value={values['description'] ?? ''}
        problem={problems.description}
        maxLength={5000}
        isOptional
      />
      <div class="field-pair">
        <Field
          name="category"
          label={text.category}
          hint={text.categoryHint}
          value={values['category'] ?? ''}
          problem={problems.category}
          maxLength={50}
          autocomplete="off"
          isOptional
        />
        <Field
          name="tags"
          label={text.tags}
          hint={text.tagsHint}
          value={values['tags'] ?? ''}
          problem={problems.tags}
          autocomplete="off"
          isOptional
        />
      </div>
    </>
  )
}
type TextFieldsParts = Omit<DetailsParts, 'stage'>

type RecordParts = { readonly text: string; readonly values: FormTexts; readonly problem: string | undefined }

function RecordField({ text, values, problem }: RecordParts) {
  return (
    <>
      <label class="choice">
        <input
          type="checkbox"
          name="record"
          checked={values['record'] === 'on'}
          aria-describedby={problem === undefined ? undefined : 'record-problem'}
          aria-invalid={problem === undefined ? undefined : 'true'}
        />
        <span>{text}</span>
      </label>
      {problem === undefined ? null : (
        <p class="problem" id="record-problem">
          {problem}
        </p>
      )}
    </>
  )
}

type StartParts = { readonly language: Language; readonly values: FormTexts; readonly problem: string | undefined }

/** Renders the planned start. The script of the page fills in the hidden field from the viewer's zone. */
function StartField({ language, values, problem }: StartParts) {
  const text = STUDIO_PAGE_MESSAGES[language]
  const moment = values['scheduled_for'] ?? ''
  const local = values['scheduled_local'] ?? moment.slice(0, 'yyyy-mm-ddThh:mm'.length)
  return (
    <div class="field" data-start={moment}>
      <label for="scheduled_local">{text.scheduledFor}</label>
      <input
        type="datetime-local"
        id="scheduled_local"
        name="scheduled_local"
        value={local}
        aria-describedby="scheduled-hint"
        aria-invalid={problem === undefined ? undefined : 'true'}
      />
      <input type="hidden" name="scheduled_for" value="" />
      <p class="hint" id="scheduled-hint">
        {text.scheduledHint('UTC')}
      </p>
      {problem === undefined ? null : <p class="problem">{problem}</p>}
    </div>
  )
}

type ChoicesParts = {
  readonly name: string
  readonly legend: string
  readonly chosen: string | undefined
  readonly options: readonly { readonly value: string; readonly label: string; readonly hint: string }[]
  readonly problem?: string | undefined
}

function Choices({ name, legend, chosen, options, problem }: ChoicesParts) {
  return (
    <fieldset class="field" aria-describedby={problem === undefined ? undefined : `${name}-problem`}>
      <legend>{legend}</legend>
      <div class="choices">
        {options.map(({ value, label, hint }) => (
          <label class="choice">
            <input type="radio" name={name} value={value} checked={value === chosen} required />
            <span>{label}</span>
            <span class="hint">{hint}</span>
          </label>
        ))}
      </div>
      {problem === undefined ? null : (
        <p class="problem" id={`${name}-problem`}>
          {problem}
        </p>
      )}
    </fieldset>
  )
}
