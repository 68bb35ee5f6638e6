import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import { createPrivateFile } from './private-file.ts'

const Key = v.pipe(v.string(), v.minLength(16))

/** Keys generated for a gateway without key settings, by the names of these settings. */
const GeneratedKeys = v.object({ API_KEY: Key, INTERNAL_API_KEY: Key, WEBHOOK_SIGNING_KEY: Key })
export type GeneratedKeys = v.InferOutput<typeof GeneratedKeys>

/**
 * Loads the keys from `keys.json` (mode 600) in the data folder, or generates and stores them; `isNew` says which.
 * @throws Error where the file is damaged: new keys would lock out every client
 */
export async function loadOrCreateKeys(dataDir: string): Promise<{ keys: GeneratedKeys; isNew: boolean }> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'keys.json')
  const fresh = { API_KEY: newKey(), INTERNAL_API_KEY: newKey(), WEBHOOK_SIGNING_KEY: newKey() }
  const isNew = await createPrivateFile(path, `${JSON.stringify(fresh, null, 2)}\n`)
  return { keys: isNew ? fresh : parseKeys(path, await readFile(path, 'utf8')), isNew }
}

function parseKeys(path: string, text: string): GeneratedKeys {
  try {
    return v.parse(GeneratedKeys, JSON.parse(text))
  } catch (cause) {
    throw new Error(`${path} is damaged: restore it, or remove it to have new keys made`, { cause })
  }
}

function newKey(): string {
  return randomBytes(32).toString('base64url')
}
