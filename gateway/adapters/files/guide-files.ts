import { readFile } from 'node:fs/promises'

import type { ReadGuide } from '../../ports/guides.ts'

const ROOT = new URL('../../../', import.meta.url)

/** Reads a guide by its path in the repository, such as `gateway/docs/jobs.md`; `null` where the image lacks it. */
export const readGuideFile: ReadGuide = async (path) => {
  try {
    return await readFile(new URL(path, ROOT), 'utf8')
  } catch {
    return null
  }
}
