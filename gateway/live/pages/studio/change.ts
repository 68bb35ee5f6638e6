import type { Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import { confirmKey } from '../../broadcasts/confirm-key.ts'
import { deleteStream, endStream, renewKey, updateStream } from '../../broadcasts/change-stream.ts'
import { getStream } from '../../broadcasts/get-stream.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { UpdateStreamBody } from '../../broadcasts/requests.ts'
import { readIngestAddresses } from '../../ingest/read-ingest-addresses.ts'
import { readForm, tryForm, wrongFields, type FormTexts } from '../form-body.ts'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { addTargetFromForm, removeTargetFromForm } from './change-targets.ts'
import { CURVE_PART, showControlRoom, showCurve } from './control-room.tsx'
import { explainStreamFields, explainStreamRefusal, stageOf, toStreamBody } from './stream-form.ts'

type StudioForm = (visit: UserVisit, stream: StreamView, form: FormTexts) => Promise<Response>

/** The forms of the studio of one broadcast, by the value of their hidden field `form`. */
const FORMS: Readonly<Record<string, StudioForm>> = {
  details: saveDetails,
  key: renewStreamKey,
  'shown-key': showKeyAgain,
  'target-add': addTargetFromForm,
  'target-remove': removeTargetFromForm,
  end: endBroadcast,
  delete: deleteBroadcast,
}

/** Shows the studio of one broadcast to its owner. */
export async function showBroadcast(visit: UserVisit, id: string): Promise<Response> {
  const stream = await findOwn(visit, id)
  if (visit.c.req.query('part') === CURVE_PART) return showCurve(visit, stream)
  const ingest = await readIngestAddresses(visit.context, stream.stream_id)
  return showControlRoom(visit, { stream, ingest, key: null, problems: {} })
}

/** Answers a form of the studio of one broadcast. */
export async function changeBroadcast(context: PagesContext, c: HonoContext, id: string): Promise<Response> {
  const values = await readForm(context, c)
  return openSignedIn(context, async (visit) => {
    const stream = await findOwn(visit, id)
    const form = values['form'] ?? ''
    const run = Object.hasOwn(FORMS, form) ? FORMS[form] : undefined
    return run === undefined ? c.redirect(id, 303) : run(visit, stream, values)
  })(c)
}

/** Returns the own broadcast. @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN */
async function findOwn({ context, signedIn }: UserVisit, id: string): Promise<StreamView> {
  const stream = await getStream(context, signedIn, id)
  if (stream.user.user_id === signedIn.user.userId) return stream
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its owner may open the studio of a broadcast')
}

async function saveDetails(visit: UserVisit, stream: StreamView, form: FormTexts): Promise<Response> {
  const { context, signedIn, language, c } = visit
  const body = toStreamBody(form, stageOf(stream))
  const wrong = wrongFields(UpdateStreamBody, body)
  const tried =
    wrong.size > 0
      ? { problems: explainStreamFields(wrong, language) }
      : await tryForm(
          () => updateStream(context, signedIn, stream.stream_id, v.parse(UpdateStreamBody, body)),
          (rule) => explainStreamRefusal(rule, language),
        )
  if ('problems' in tried) {
    const ingest = await readIngestAddresses(context, stream.stream_id)
    return showControlRoom(visit, { stream, ingest, key: null, values: form, problems: tried.problems, status: 400 })
  }
  return c.redirect(`${stream.stream_id}?saved#details`, 303)
}

async function renewStreamKey(visit: UserVisit, stream: StreamView): Promise<Response> {
  const tried = await tryForm(
    () => renewKey(visit.context, visit.signedIn, stream.stream_id),
    ({ code }) => (code === 'STREAM_ENDED' ? {} : null),
  )
  // The studio says that the broadcast has ended.
  if ('problems' in tried) return visit.c.redirect(stream.stream_id, 303)
  const { ingest, stream_key: key } = tried.result
  return showControlRoom(visit, { stream, ingest, key, problems: {} })
}

/** Shows a stream key that the page of its owner has, in another language; the studio alone where it is replaced. */
async function showKeyAgain(visit: UserVisit, stream: StreamView, { key = '' }: FormTexts): Promise<Response> {
  const { context, signedIn, c } = visit
  const confirmed = await confirmKey(context, signedIn, { id: stream.stream_id, key })
  if (confirmed === null) return c.redirect(stream.stream_id, 303)
  return showControlRoom(visit, { stream, ingest: confirmed.ingest, key, problems: {} })
}

async function endBroadcast({ c, context, signedIn }: UserVisit, { stream_id: id }: StreamView): Promise<Response> {
  await endStream(context, signedIn, id)
  return c.redirect(id, 303)
}

async function deleteBroadcast({ c, context, signedIn }: UserVisit, { stream_id: id }: StreamView): Promise<Response> {
  await deleteStream(context, signedIn, id)
  return c.redirect('../studio', 303)
}
