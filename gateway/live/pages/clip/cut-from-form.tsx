/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import * as v from 'valibot'

import type { BrokenRule } from '../../../errors.ts'
import type { IdempotentCall } from '../../../http/idempotency.ts'
import type { Language } from '../../../web/messages.ts'
import { clipArchive, clipStream } from '../../clips/create-clip.ts'
import type { ClipView } from '../../clips/present.ts'
import { ArchiveClipBody, StreamClipBody } from '../../clips/requests.ts'
import { tryForm, wrongFields, type FieldProblems, type FormTexts } from '../form-body.ts'
import { toFormCall } from '../form-key.tsx'
import { showPage } from '../frame.tsx'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import { parseClock } from '../time-text.ts'
import type { UserVisit } from '../visit.ts'
import { ClipForm, sourcePathOf, type ClipField, type ClipSource } from './clip-form.tsx'

const ROOT = '../..'

/** Cuts a clip as a form says, and leads to its page; shows the form again where that is not possible. */
export async function cutFromForm(visit: UserVisit, source: ClipSource, values: FormTexts): Promise<Response> {
  const body = toBody(source, values)
  const wrong = wrongFields(source.kind === 'stream' ? StreamClipBody : ArchiveClipBody, body)
  if (wrong.size > 0) return showClipForm(visit, source, { values, problems: explainFields(wrong, visit.language) })
  const tried = await tryForm(
    () => cut(visit, source, { body, call: callOf(visit, source, values) }),
    (rule) => explainRefusal(rule, visit.language),
  )
  if ('problems' in tried)
    return showClipForm(visit, source, { values, problems: tried.problems, status: tried.rule.status })
  return visit.c.redirect(`${ROOT}/clips/${tried.result.clip_id}`, 303)
}

type ClipOfForm = { readonly body: object; readonly call: IdempotentCall | null }

function cut(
  { context, signedIn }: UserVisit,
  { kind, id }: ClipSource,
  { body, call }: ClipOfForm,
): Promise<ClipView> {
  return kind === 'stream'
    ? clipStream(context, signedIn, { id, call }, v.parse(StreamClipBody, body))
    : clipArchive(context, signedIn, { id, call }, v.parse(ArchiveClipBody, body))
}

/**
 * Returns the call of a form. The begin in a broadcast is not the user's: it counts back from a newest picture that is another
 * one when the form is sent again.
 */
function callOf({ signedIn }: UserVisit, { kind, id }: ClipSource, values: FormTexts): IdempotentCall | null {
  const { duration, title, start } = values
  const content = [duration, title, kind === 'stream' ? null : start]
  return toFormCall(`page/${kind}/${id}/clip ${signedIn.user.userId}`, values, content)
}

/** Returns the body of the API that a form stands for. Without a script, a clip of a broadcast has no `start`. */
function toBody({ kind }: ClipSource, { duration = '', start = '', title = '' }: FormTexts): object {
  const startSec = kind === 'stream' ? Number(start) : parseClock(start)
  return {
    duration: Number(duration),
    ...(kind === 'stream' && start === '' ? {} : { start: startSec ?? Number.NaN }),
    ...(title.trim() === '' ? {} : { title }),
  }
}

type ClipProblems = FieldProblems<ClipField>

function explainFields(wrong: ReadonlySet<string>, language: Language): ClipProblems {
  const text = CLIP_MESSAGES[language]
  return {
    ...(wrong.has('start') ? { start: text.startWrong } : {}),
    ...(wrong.has('title') ? { title: text.titleWrong } : {}),
    ...(wrong.has('duration') ? { form: text.noRange } : {}),
  }
}

function explainRefusal({ code }: BrokenRule, language: Language): ClipProblems | null {
  const text = CLIP_MESSAGES[language]
  const lines = new Map([
    ['INVALID_CONFIG', text.noRange],
    ['CHAT_BANNED', text.banned],
    ['STORAGE_FULL', text.full],
    ['CLIP_LIMITED', text.limited],
    ['CLIPS_BUSY', text.busy],
  ])
  const line = lines.get(code)
  return line === undefined ? null : { form: line }
}

type ShownForm = {
  readonly values: FormTexts
  readonly problems: ClipProblems
  readonly status?: BrokenRule['status'] | 200
}

/**
 * Returns what was filled in, as the query of the page with the form. The begin in a broadcast is left out: it counts back from
 * a newest picture that is another one by then.
 */
export function keptQuery(
  { kind }: ClipSource,
  { duration, start, title }: FormTexts,
): Readonly<Record<string, string>> {
  return {
    ...(duration === undefined ? {} : { duration }),
    ...(kind === 'stream' || start === undefined ? {} : { start }),
    ...(title === undefined || title.trim() === '' ? {} : { title }),
  }
}

/** Shows the form of a clip alone, with what is wrong with it. */
export function showClipForm(visit: UserVisit, source: ClipSource, { values, problems, status = 400 }: ShownForm) {
  const { language } = visit
  const text = CLIP_MESSAGES[language]
  const main = (
    <div class="wrap wrap-narrow stack">
      <h1>{text.formTitle}</h1>
      <ClipForm source={source} root={ROOT} language={language} values={values} problems={problems} />
      <p>
        <a href={`${ROOT}/${sourcePathOf(source)}`}>{text.back}</a>
      </p>
    </div>
  )
  return showPage(visit, { title: text.formTitle, root: ROOT, main, status, query: keptQuery(source, values) })
}
