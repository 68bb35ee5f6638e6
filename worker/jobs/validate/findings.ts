import type {
  ValidationCode,
  ValidationIssue,
  ValidationLevel,
  ValidationResult,
} from '../../../shared/contract/jobs.ts'

/** What a check has found: an error fails the job, a warning never does. `file` is a name of the set. */
export type Finding = ValidationIssue & { readonly severity: 'error' | 'warning' }

/** As many of each are told: who has twenty need not read on. */
const MAX_TOLD = 20
const MAX_MESSAGE_CHARS = 500
const MAX_FILE_CHARS = 200

/** A finding that fails the job. */
export function fault(code: ValidationCode, file: string | null, message: string): Finding {
  return { severity: 'error', code, file, message }
}

/** A finding that is told and fails nothing. */
export function doubt(code: ValidationCode, file: string | null, message: string): Finding {
  return { severity: 'warning', code, file, message }
}

/** Whether any of them fails the job. */
export function hasFault(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error')
}

/** The report of a validation: the first twenty errors and the first twenty warnings, each cut to what a report may hold. */
export function toResult(level: ValidationLevel, findings: readonly Finding[], durationMs: number): ValidationResult {
  return {
    level,
    is_valid: !hasFault(findings),
    errors: told(findings, 'error'),
    warnings: told(findings, 'warning'),
    duration_ms: Math.round(durationMs),
  }
}

function told(findings: readonly Finding[], severity: Finding['severity']): ValidationIssue[] {
  return findings
    .filter((finding) => finding.severity === severity)
    .slice(0, MAX_TOLD)
    .map(({ code, message, file }) => ({
      code,
      message: printable(message).slice(0, MAX_MESSAGE_CHARS),
      file: file === null ? null : printable(file).slice(0, MAX_FILE_CHARS),
    }))
}

/** Programs and playlists may write anything: control characters have no place in a report. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
