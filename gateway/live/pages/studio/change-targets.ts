import * as v from 'valibot'

import type { BrokenRule } from '../../../errors.ts'
import type { Language } from '../../../web/messages.ts'
import { addTarget, removeTarget } from '../../broadcasts/change-targets.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { addTargetBody } from '../../broadcasts/target-requests.ts'
import { readIngestAddresses } from '../../ingest/read-ingest-addresses.ts'
import { tryForm, wrongFields, type FieldProblems, type FormTexts } from '../form-body.ts'
import { TARGET_MESSAGES } from '../messages/targets.ts'
import type { UserVisit } from '../visit.ts'
import { showControlRoom } from './control-room.tsx'
import type { TargetForm } from './targets-panel.tsx'

/** Adds a platform from the form of the studio. */
export async function addTargetFromForm(visit: UserVisit, stream: StreamView, form: FormTexts): Promise<Response> {
  const { context, signedIn, language, c } = visit
  const { url = '', key = '' } = form
  const schema = addTargetBody({ allowPrivateNetworks: context.settings.allowPrivateNetworks })
  const wrong = wrongFields(schema, { url, key })
  if (wrong.size > 0) {
    const problems = explainTargetFields(wrong, language)
    return showForm(visit, stream, { url: wrong.has('url') && endsWith(url, key) ? '' : url, problems })
  }
  const tried = await tryForm(
    () => addTarget(context, signedIn, stream.stream_id, v.parse(schema, { url, key })),
    (rule) => explainTargetRefusal(rule, language),
  )
  // The studio says that the broadcast has ended.
  if ('rule' in tried && tried.rule.code === 'STREAM_ENDED') return c.redirect(stream.stream_id, 303)
  if ('problems' in tried) return showForm(visit, stream, { url, problems: tried.problems })
  return c.redirect(`${stream.stream_id}#targets`, 303)
}

/** Removes a platform in the studio; one that is gone stays so. */
export async function removeTargetFromForm(visit: UserVisit, stream: StreamView, form: FormTexts): Promise<Response> {
  const { context, signedIn, c } = visit
  await tryForm(
    () => removeTarget(context, signedIn, stream.stream_id, form['target_id'] ?? ''),
    ({ code }) => (code === 'TARGET_NOT_FOUND' ? {} : null),
  )
  return c.redirect(`${stream.stream_id}#targets`, 303)
}

async function showForm(visit: UserVisit, stream: StreamView, targetForm: TargetForm): Promise<Response> {
  const ingest = await readIngestAddresses(visit.context, stream.stream_id)
  return showControlRoom(visit, { stream, ingest, key: null, problems: {}, targetForm, status: 400 })
}

/** Returns whether an address repeats the key, which is shown nowhere. */
function endsWith(url: string, key: string): boolean {
  return key.trim() !== '' && url.includes(key.trim())
}

function explainTargetFields(wrong: ReadonlySet<string>, language: Language): TargetForm['problems'] {
  const text = TARGET_MESSAGES[language]
  return {
    ...(wrong.has('url') ? { url: text.urlWrong } : {}),
    ...(wrong.has('key') ? { key: text.keyWrong } : {}),
  }
}

function explainTargetRefusal({ code }: BrokenRule, language: Language): FieldProblems<'url' | 'key'> | null {
  const text = TARGET_MESSAGES[language]
  if (code === 'STREAM_ENDED') return {}
  if (code === 'TARGET_EXISTS') return { form: text.exists }
  return code === 'TOO_MANY_TARGETS' ? { form: text.full } : null
}
