import type { Context as HonoContext } from 'hono'
import * as v from 'valibot'

import type { IdempotentCall } from '../../../http/idempotency.ts'
import { createStream } from '../../broadcasts/create-stream.ts'
import { CreateStreamBody } from '../../broadcasts/requests.ts'
import { readForm, tryForm, wrongFields, type FormTexts } from '../form-body.ts'
import { toFormCall } from '../form-key.tsx'
import { openSignedIn, type PagesContext, type UserVisit } from '../visit.ts'
import { showControlRoom } from './control-room.tsx'
import { showNewForm } from './new-page.tsx'
import { explainStreamFields, explainStreamRefusal, toStreamBody } from './stream-form.ts'

/** Shows the form of a new broadcast. */
export function showNewBroadcast(visit: UserVisit): Promise<Response> {
  return showNewForm(visit, {
    values: { visibility: 'public', latency: 'low', record: 'on', chat_replay: 'on' },
    problems: {},
  })
}

/** Creates a broadcast from the form, and shows its studio with the stream key. */
export async function createBroadcast(context: PagesContext, c: HonoContext): Promise<Response> {
  const values = await readForm(context, c)
  return openSignedIn(context, async (visit) => {
    const body = toStreamBody(values, 'planned')
    const wrong = wrongFields(CreateStreamBody, body)
    if (wrong.size > 0) return showNewForm(visit, { values, problems: explainStreamFields(wrong, visit.language) })
    const tried = await tryForm(
      () => createStream(context, visit.signedIn, v.parse(CreateStreamBody, body), callOf(visit, values, body)),
      (rule) => explainStreamRefusal(rule, visit.language),
    )
    if ('problems' in tried) return showNewForm(visit, { values, problems: tried.problems })
    const { ingest, stream_key: key, ...stream } = tried.result
    return showControlRoom(visit, { stream, ingest, key, problems: {}, status: 201 })
  })(c)
}

function callOf({ signedIn }: UserVisit, values: FormTexts, body: object): IdempotentCall | null {
  return toFormCall(`page/studio/new ${signedIn.user.userId}`, values, body)
}
