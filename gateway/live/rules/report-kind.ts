/** What users report to moderators. */
export const REPORT_KINDS = ['user', 'stream', 'archive', 'message'] as const
export type ReportKind = (typeof REPORT_KINDS)[number]
