import { randomUUID } from 'node:crypto'
import { link, rename, rm, writeFile } from 'node:fs/promises'

/** Creates a file with mode 600 atomically. Returns `false`, and changes nothing, where the file exists. */
export async function createPrivateFile(path: string, content: string): Promise<boolean> {
  const draft = await writeTemporary(path, content)
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** Writes a file with mode 600 atomically, replacing an existing one. */
export async function replacePrivateFile(path: string, content: string): Promise<void> {
  await rename(await writeTemporary(path, content), path)
}

async function writeTemporary(path: string, content: string): Promise<string> {
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, content, { mode: 0o600, flag: 'wx', flush: true })
  return draft
}
