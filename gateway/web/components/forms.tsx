/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'

import { Icon, type IconName } from './icons.tsx'

/** A labelled field of a form. `problem` is what is wrong with its value. */
export type FieldParts = {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string
  readonly hint?: string
  readonly problem?: string | undefined
  readonly autocomplete?: string
  readonly isOptional?: boolean
  readonly maxLength?: number
  /** Takes the focus when the page opens. */
  readonly isFirst?: boolean
  /** Distinguishes fields of one name, where a page has several forms. */
  readonly id?: string
}

/** Renders a field with its hint and its problem, which readers hear with it. */
export function Field(parts: FieldParts) {
  const { id = parts.name, problem } = parts
  return (
    <div class="field">
      <label for={id}>{parts.label}</label>
      <input
        id={id}
        name={parts.name}
        type={parts.type ?? 'text'}
        value={parts.value}
        autocomplete={parts.autocomplete}
        maxlength={parts.maxLength}
        required={parts.isOptional !== true}
        autofocus={parts.isFirst === true || problem !== undefined}
        autocapitalize="none"
        spellcheck={false}
        aria-describedby={describedBy(id, parts)}
        aria-invalid={problem === undefined ? undefined : 'true'}
      />
      <FieldNote kind="hint" id={id} text={parts.hint} />
      <FieldNote kind="problem" id={id} text={problem} />
    </div>
  )
}

type TextAreaParts = Pick<FieldParts, 'name' | 'label' | 'value' | 'hint' | 'problem' | 'maxLength' | 'isOptional'>

/** Renders a field of several lines. */
export function TextArea(parts: TextAreaParts) {
  const { name, label, value, hint, problem, maxLength, isOptional = false } = parts
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <textarea
        id={name}
        name={name}
        rows={4}
        maxlength={maxLength}
        required={!isOptional}
        aria-describedby={describedBy(name, parts)}
        aria-invalid={problem === undefined ? undefined : 'true'}
      >
        {value}
      </textarea>
      <FieldNote kind="hint" id={name} text={hint} />
      <FieldNote kind="problem" id={name} text={problem} />
    </div>
  )
}

type FieldNoteParts = { readonly kind: 'hint' | 'problem'; readonly id: string; readonly text: string | undefined }

function FieldNote({ kind, id, text }: FieldNoteParts) {
  if (text === undefined) return null
  return (
    <p class={kind} id={`${id}-${kind}`}>
      {text}
    </p>
  )
}

/** Returns the ids of the notes of a field. */
function describedBy(id: string, { hint, problem }: Pick<FieldParts, 'hint' | 'problem'>): string | undefined {
  const ids = [...(problem === undefined ? [] : [`${id}-problem`]), ...(hint === undefined ? [] : [`${id}-hint`])]
  return ids.length === 0 ? undefined : ids.join(' ')
}

type NoteParts = {
  readonly kind: 'alert' | 'warning' | 'fine' | 'planned'
  readonly title: string
  readonly children?: Child
}
const NOTE_ICONS: Readonly<Record<NoteParts['kind'], IconName>> = {
  alert: 'alert',
  warning: 'alert',
  fine: 'check',
  planned: 'info',
}

/** Renders what has happened, and what to do next. */
export function Note({ kind, title, children }: NoteParts) {
  return (
    <div class={`note note-${kind}`} role={kind === 'alert' ? 'alert' : 'status'}>
      <Icon name={NOTE_ICONS[kind]} />
      <strong>{title}</strong>
      {children === undefined ? null : <div>{children}</div>}
    </div>
  )
}

/** Renders a text with a button that copies it. The button shows itself where scripts run. */
export function CopyText({ text, label, done, isBlock = false }: CopyTextParts) {
  return (
    <div class="copy">
      {isBlock ? <pre tabindex={0}>{text}</pre> : <code>{text}</code>}
      <button type="button" data-copy={text} data-copied={done} hidden>
        <Icon name="copy" />
        <span aria-live="polite">{label}</span>
      </button>
    </div>
  )
}
type CopyTextParts = {
  readonly text: string
  readonly label: string
  readonly done: string
  readonly isBlock?: boolean
}
