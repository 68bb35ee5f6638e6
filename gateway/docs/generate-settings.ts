import { readFileSync, writeFileSync } from 'node:fs'

import { KERNEL_SECTIONS } from '../settings/read-settings.ts'
import { systems } from '../systems.ts'
import { withSettingsTables } from './settings-table.ts'

/** `npm run docs:settings`: writes the tables of all settings into the settings guide. */
const GUIDE = new URL('settings.md', import.meta.url)
const sections = [...KERNEL_SECTIONS, ...systems.map((system) => system.settings)]
writeFileSync(GUIDE, withSettingsTables(readFileSync(GUIDE, 'utf8'), sections))
