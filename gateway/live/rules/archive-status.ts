/** `processing` -> `ready` or `failed`. */
export const ARCHIVE_STATUSES = ['processing', 'ready', 'failed'] as const
export type ArchiveStatus = (typeof ARCHIVE_STATUSES)[number]
