import * as v from 'valibot'

import { orNull, setting, text, type Env } from '../settings/fields.ts'

/** Push services contact the operator there (RFC 8292 §2.1). */
const Subject = v.pipe(
  text,
  v.regex(
    /^(?:mailto:[\w.+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|https:\/\/[^\s/?#@]+(?:[/?#]\S*)?)$/,
    'must be an address such as mailto:admin@example.com, or an https URL',
  ),
)

const PushEnvironment = v.object({
  VAPID_SUBJECT: setting(
    orNull(Subject),
    'Turns Web Push on: where push services reach the operator, as `mailto:admin@example.com` or an https URL. The keys are derived from `INTERNAL_API_KEY`.',
  ),
})

/** The variables of Web Push, a part of those of live. */
export const PUSH_ENTRIES = PushEnvironment.entries

/** The settings of Web Push. */
export type PushSettings = { readonly subject: string }

/** Returns the settings of Web Push, from an environment that has no problems; `null`: it is off. */
export function readPushSettings(raw: Env): PushSettings | null {
  const { VAPID_SUBJECT: subject } = v.parse(PushEnvironment, raw)
  return subject === null ? null : { subject }
}
