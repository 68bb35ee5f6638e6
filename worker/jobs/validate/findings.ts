import type {
  ValidationCode,
  ValidationIssue,
  ValidationLevel,
  ValidationResult,
} from '../../../shared/contract/jobs.ts'

/** The result of a check: an error fails the job, a warning does not. `file` is the name of a file of the set. */
export type Finding = ValidationIssue & { readonly severity: 'error' | 'warning' }

/** Limits of a report: issues of each severity, and the lengths of their texts. */
const MAX_ISSUES = 20
const MAX_MESSAGE_CHARS = 500
const MAX_FILE_CHARS = 200

/** Returns a finding that fails the job. */
export function errorFinding(code: ValidationCode, file: string | null, message: string): Finding {
  return { severity: 'error', code, file, message }
}

/** Returns a finding that is reported and does not fail the job. */
export function warningFinding(code: ValidationCode, file: string | null, message: string): Finding {
  return { severity: 'warning', code, file, message }
}

/** Returns whether a finding fails the job. */
export function hasError(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error')
}

/** Returns the report of a validation: the first twenty errors and warnings, with texts cut to the report's limits. */
export function toValidationResult(
  level: ValidationLevel,
  findings: readonly Finding[],
  durationMs: number,
): ValidationResult {
  return {
    level,
    is_valid: !hasError(findings),
    errors: toIssues(findings, 'error'),
    warnings: toIssues(findings, 'warning'),
    duration_ms: Math.round(durationMs),
  }
}

function toIssues(findings: readonly Finding[], severity: Finding['severity']): ValidationIssue[] {
  return findings
    .filter((finding) => finding.severity === severity)
    .slice(0, MAX_ISSUES)
    .map(({ code, message, file }) => ({
      code,
      message: replaceControlChars(message).slice(0, MAX_MESSAGE_CHARS),
      file: file === null ? null : replaceControlChars(file).slice(0, MAX_FILE_CHARS),
    }))
}

/** Replaces control characters, which programs and playlists may contain, by spaces. */
function replaceControlChars(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
