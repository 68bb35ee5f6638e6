/** The kind under which workers that cut clips go. */
export const CLIP_KIND = 'clip'

const PREFIX = 'clip-'

/** Returns the id of a clip's assignment, which is the name of its worker too. */
export function clipAssignmentOf(clipId: string): string {
  return `${PREFIX}${clipId}`
}

/** Returns the clip of an assignment. */
export function clipIdOf(assignmentId: string): string {
  return assignmentId.slice(PREFIX.length)
}
