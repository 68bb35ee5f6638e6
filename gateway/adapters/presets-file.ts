import { readFile } from 'node:fs/promises'

import type { Presets } from '../job-settings.ts'
import { readPresets } from '../presets.ts'
import { SettingsError } from '../settings-error.ts'

/** The presets that come with the gateway. */
export const OWN_PRESETS = new URL('../jobs/presets.yaml', import.meta.url)

/**
 * The presets of a file, or where none is named those that come with the gateway.
 * @throws SettingsError where it cannot be read, or naming what is wrong in it
 */
export async function readPresetsFile(file: string | null): Promise<Presets> {
  const text = await readFile(file ?? OWN_PRESETS, 'utf8').catch((error: unknown) => {
    throw new SettingsError([`PRESETS_FILE cannot be read: ${error instanceof Error ? error.message : String(error)}`])
  })
  return readPresets(text)
}
