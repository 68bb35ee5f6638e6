import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Counts the bytes of media in the journal of a session; 0 where it has none. */
export async function countJournalBytes(dir: string, session: string): Promise<number> {
  const folder = join(dir, session)
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.flv'))
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
