import { newCode } from '../new-code.ts'
import type { Visibility } from '../rules/visibility.ts'

/** Returns the folder of a broadcast in the store. Where it is not public, the name cannot be guessed. */
export function folderOf(streamId: string, visibility: Visibility): string {
  return visibility === 'public' ? `live/${streamId}/` : `live/${streamId}/${newCode()}/`
}
