import type { ReportKind } from './report-kind.ts'

/** What a moderator or an admin does to others. */
export const AUDIT_ACTIONS = [
  'suspend_user',
  'restore_user',
  'change_role',
  'take_down_archive',
  'restore_archive',
  'close_reports',
  'delete_message',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

/** What an action was done to. */
export type AuditTarget = { readonly kind: ReportKind; readonly id: string }
