import type { ReportKind } from './report-kind.ts'

/** What a moderator or an admin does to others. */
export const AUDIT_ACTIONS = [
  'suspend_user',
  'restore_user',
  'change_role',
  'take_down_archive',
  'restore_archive',
  'close_reports',
  'ban_from_chat',
  'lift_chat_ban',
  'delete_message',
  'create_invitation',
  'set_payout_account',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

/** What an action was done to. */
export type AuditTarget = { readonly kind: ReportKind; readonly id: string }
