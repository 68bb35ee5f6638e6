import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import type { FieldProblems, FormTexts } from '../form-body.ts'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'

/** The fields of the form of a broadcast. */
export type StreamField = 'title' | 'description' | 'category' | 'tags' | 'visibility' | 'scheduled_for' | 'record'

/** How far a broadcast is, which decides on the fields that its form has. */
export type FormStage = 'planned' | 'started' | 'ended'

/** Returns the stage of a broadcast. */
export function stageOf({ state, started_at: startedAt }: StreamView): FormStage {
  if (state === 'ended') return 'ended'
  return startedAt === null ? 'planned' : 'started'
}

/**
 * Returns what a form was filled in with, as the API takes it: a broadcast that has started keeps its start, and one that has
 * ended its recording.
 */
export function toStreamBody(form: FormTexts, stage: FormStage): Readonly<Record<string, unknown>> {
  const { title = '', description = '', category = '', tags = '' } = form
  const plain = {
    title,
    description: description.replaceAll('\r\n', '\n'),
    category,
    tags: tags.split(/[,、]/).flatMap((tag) => (tag.trim() === '' ? [] : [tag.trim()])),
    visibility: form['visibility'],
    chat_replay: form['chat_replay'] === 'on',
  }
  const record = form['record'] === 'on'
  switch (stage) {
    case 'planned':
      return { ...plain, record, latency: form['latency'], scheduled_for: toMoment(form) }
    case 'started':
      return { ...plain, record }
    case 'ended':
      return plain
  }
}

/** Returns the planned start. The page's script knows the viewer's zone; without it, the time is in UTC. */
function toMoment({ scheduled_for: moment = '', scheduled_local: local = '' }: FormTexts): string | null {
  if (moment !== '') return moment
  return local === '' ? null : `${local}:00.000Z`
}

/** Returns the texts of the form of a broadcast. */
export function toStreamForm(stream: StreamView): FormTexts {
  return {
    title: stream.title,
    description: stream.description,
    category: stream.category,
    tags: stream.tags.join(', '),
    visibility: stream.visibility,
    latency: stream.latency,
    scheduled_for: stream.scheduled_for ?? '',
    ...(stream.record ? { record: 'on' } : {}),
    ...(stream.chat_replay ? { chat_replay: 'on' } : {}),
  }
}

/** Returns the problems of the fields that the API's schema refuses. */
export function explainStreamFields(wrong: ReadonlySet<string>, language: Language): FieldProblems<StreamField> {
  const text = STUDIO_PAGE_MESSAGES[language]
  return {
    ...(wrong.has('title') ? { title: text.titleWrong } : {}),
    ...(wrong.has('description') ? { description: text.descriptionWrong } : {}),
    ...(wrong.has('category') ? { category: text.categoryWrong } : {}),
    ...(wrong.has('tags') ? { tags: text.tagsWrong } : {}),
    ...(wrong.has('scheduled_for') ? { scheduled_for: text.scheduledWrong } : {}),
  }
}

/** Returns the problems that a refusal of the API stands for; `null` where it is none of the form's. */
export function explainStreamRefusal({ code }: BrokenRule, language: Language): FieldProblems<StreamField> | null {
  const text = STUDIO_PAGE_MESSAGES[language]
  switch (code) {
    case 'STORAGE_FULL':
      return { record: text.storageFull }
    case 'TOO_MANY_STREAMS':
      return { form: text.tooMany }
    case 'TAKEN_DOWN':
      return { visibility: text.takenDown }
    case 'STREAM_STARTED':
      return { scheduled_for: text.startedMeanwhile }
    case 'STREAM_ENDED':
      return { record: text.endedMeanwhile }
    default:
      return null
  }
}
