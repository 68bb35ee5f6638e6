import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import * as v from 'valibot'

import type { InstalledResolver } from '../../ports/installed-resolver.ts'

/** The file `tools.json`, which `.tools.mjs` writes. */
const ToolsFile = v.object({
  version: v.nullable(v.string()),
  source: v.picklist(['PyPI', 'Debian', 'system']),
  runtime: v.nullable(v.string()),
  solver: v.nullable(v.string()),
})

/** Reads which yt-dlp `.tools.mjs` has installed in the data folder; `null` where it was never run, or left no whole file. */
export async function readInstalledResolver(dataDir: string): Promise<InstalledResolver | null> {
  const folder = resolve(dataDir, 'tools')
  try {
    const found = v.parse(ToolsFile, JSON.parse(await readFile(join(folder, 'tools.json'), 'utf8')))
    return { ...found, path: found.source === 'system' ? null : join(folder, 'bin', 'yt-dlp') }
  } catch {
    return null
  }
}
