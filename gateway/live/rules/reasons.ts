/** Why a broadcast has ended, or a recording or a clip has failed, as their owners read it. Details may follow after a colon. */
export const REASONS = {
  owner_ended: 'its owner ended it',
  owner_suspended: 'its owner was suspended',
  away_too_long: 'its encoder did not come back (RECONNECT_WINDOW)',
  too_long: 'it reached the longest duration (MAX_BROADCAST_HOURS)',
  not_encoded: 'it could not be encoded',
  end_not_stored: 'its end could not be stored',
  no_file: 'its file could not be made',
  not_cut: 'it could not be cut',
  expired: 'it expired before its file was made (ARCHIVE_RETENTION_DAYS)',
} as const
export type ReasonCode = keyof typeof REASONS
