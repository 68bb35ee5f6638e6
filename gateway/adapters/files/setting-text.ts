import { readFile } from 'node:fs/promises'

import { SettingsError } from '../../settings/settings-error.ts'
import type { Env } from '../../settings/fields.ts'
import type { SystemSurroundings } from '../../system.ts'

/** Folder of the files that ship with the gateway. */
const GATEWAY_FOLDER = new URL('../../', import.meta.url)

/**
 * Returns a reader of the file that a setting names, or of the system's default file where the setting is not set.
 * @throws SettingsError where the file cannot be read
 */
export function createSettingTextReader(env: Env): SystemSurroundings['readText'] {
  return (setting, { path }) =>
    readFile(env[setting] || new URL(path, GATEWAY_FOLDER), 'utf8').catch((error: unknown) => {
      throw new SettingsError([`${setting} cannot be read: ${error instanceof Error ? error.message : String(error)}`])
    })
}
