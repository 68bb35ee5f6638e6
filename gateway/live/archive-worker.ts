/** The kind under which workers that make the files of recordings go. */
export const ARCHIVE_KIND = 'archive'

const PREFIX = 'archive-'

/** Returns the id of a recording's assignment, which is the name of its worker too. */
export function archiveAssignmentOf(archiveId: string): string {
  return `${PREFIX}${archiveId}`
}

/** Returns the recording of an assignment. */
export function archiveIdOf(assignmentId: string): string {
  return assignmentId.slice(PREFIX.length)
}
