import * as v from 'valibot'

import { fetchSite } from '../elements.ts'
import { ErrorAnswer } from './chat-events.ts'

/** The answer to a call; `code` is `null` where there is none that can be read. */
export type ApiAnswer =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly code: string | null; readonly retryAfterSec: number | null }

/** Calls the API with the session of the page. It never rejects. */
export async function callApi(method: string, path: string, body?: object): Promise<ApiAnswer> {
  try {
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
    const answer = await fetchSite(path, { method, ...json })
    const content: unknown = answer.status === 204 ? null : await answer.json()
    if (answer.ok) return { ok: true, json: content }
    const error = v.safeParse(ErrorAnswer, content)
    const retryAfter = answer.headers.get('Retry-After')
    return {
      ok: false,
      code: error.success ? error.output.error.code : null,
      retryAfterSec: retryAfter === null ? null : Number(retryAfter),
    }
  } catch {
    return { ok: false, code: null, retryAfterSec: null }
  }
}

/** Reads from the API; `null` where that fails. */
export async function readApi<Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  const answer = await callApi('GET', path)
  const parsed = answer.ok ? v.safeParse(schema, answer.json) : null
  return parsed?.success === true ? parsed.output : null
}
