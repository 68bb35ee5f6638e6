import { readFileSync } from 'node:fs'

import { readPresets } from '../jobs/read-presets.ts'
import { readJobSettings, type JobSettings } from '../jobs/settings.ts'
import { clientUrlOf, readSettings } from '../settings/read-settings.ts'
import { readStoreSettings } from '../settings/stores.ts'
import { withoutEmpty } from '../settings/section.ts'
import type { GivenSettings } from '../settings/settings.ts'
import { systems } from '../systems.ts'
import type { Env } from '../settings/fields.ts'

/** The presets that ship with the gateway. */
export const OWN_PRESETS_FILE = new URL('../jobs/presets.yaml', import.meta.url)

/** Returns the kernel's settings and those of jobs, as a gateway reads them from an environment. */
export function readGatewayAndJobSettings(env: Env): GivenSettings & { readonly jobs: JobSettings } {
  const given = readSettings(
    env,
    systems.map(({ settings }) => settings),
  )
  const jobs = readJobSettings(withoutEmpty(env), {
    stores: readStoreSettings(withoutEmpty(env), {
      dataDir: given.dataDir,
      url: clientUrlOf(given),
      runsPods: given.cluster !== null,
      toAbsolute: (path) => path,
    }),
    workerEnv: given.workerEnv,
    presets: readPresets(readFileSync(OWN_PRESETS_FILE, 'utf8')),
  })
  return { ...given, jobs }
}
