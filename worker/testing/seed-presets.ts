import { readFile } from 'node:fs/promises'

import * as v from 'valibot'
import { parse } from 'yaml'

import { Preset } from '../../shared/contract/presets.ts'

const FILE = new URL('../../gateway/jobs/presets.yaml', import.meta.url)

/** The presets of a gateway without `PRESETS_FILE`, by name. */
export const SEED_PRESETS = v.parse(v.record(v.string(), Preset), parse(await readFile(FILE, 'utf8')))
