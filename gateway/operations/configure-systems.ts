import { createIdFields, type LogFields } from '../../shared/log.ts'
import type { Env } from '../settings/fields.ts'
import { clientUrlOf } from '../settings/read-settings.ts'
import { withoutEmpty } from '../settings/section.ts'
import type { ConfiguredSystem, System, SystemSurroundings } from '../system.ts'

/** What a runtime provides for the systems' settings. */
export type SettingsSource = Pick<
  SystemSurroundings,
  'settings' | 'dataDir' | 'readText' | 'toAbsolute' | 'installedResolver'
> & {
  readonly env: Env
}

/**
 * Returns the systems with their settings, from an environment that `readSettings` has accepted.
 * @throws SettingsError where a file that a setting names is wrong
 */
export function configureSystems(systems: readonly System[], source: SettingsSource): Promise<ConfiguredSystem[]> {
  const surroundings = { ...source, env: withoutEmpty(source.env), url: clientUrlOf(source.settings) }
  return Promise.all(systems.map(async (definition) => ({ definition, ...(await definition.configure(surroundings)) })))
}

/** Returns the function that finds the log field of an id, by the prefixes of all systems. */
export function idFieldsOf(systems: readonly ConfiguredSystem[]): (id: string) => LogFields {
  return createIdFields(new Map(systems.flatMap(({ definition }) => Object.entries(definition.idFields))))
}
