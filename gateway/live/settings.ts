import * as v from 'valibot'

import { setting, type Env } from '../settings/fields.ts'
import type { SettingsSection } from '../settings/section.ts'

const Registration = v.picklist(['open', 'invitation', 'closed'], 'must be open, invitation or closed')
/** Who may create an account. */
export type Registration = v.InferOutput<typeof Registration>

const LiveEnvironment = v.object({
  REGISTRATION: setting(
    v.optional(Registration, 'open'),
    'Whether people may create accounts: `open` (yes), `invitation` (only with an invitation) or `closed` (no). The first account may always be created; it is an admin.',
  ),
})

/** The settings of live. */
export type LiveSettings = {
  readonly registration: Registration
  /** Whether browsers send the session's cookie over https only. */
  readonly isCookieSecure: boolean
}

/** The settings of live, as checked before the gateway starts. */
export const LIVE_SECTION: SettingsSection = {
  title: 'Live',
  entries: LiveEnvironment.entries,
  problems: () => [],
}

/** Returns the settings of live, from an environment that `LIVE_SECTION` has no problems with. */
export function readLiveSettings(raw: Env, publicUrl: string | null): LiveSettings {
  const env = v.parse(LiveEnvironment, raw)
  return {
    registration: env.REGISTRATION,
    isCookieSecure: raw['NODE_ENV'] === 'production' || publicUrl?.startsWith('https:') === true,
  }
}
