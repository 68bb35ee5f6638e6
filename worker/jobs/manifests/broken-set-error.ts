import type { ValidationCode, ValidationIssue } from '../../../shared/contract/jobs.ts'

/** Encoded media do not fit the plan. `finishManifests` returns the issue as a value. */
export class BrokenSetError extends Error {
  readonly issue: ValidationIssue

  constructor(code: ValidationCode, file: string | null, message: string) {
    super(file === null ? message : `${file} ${message}`)
    this.issue = { code, message: this.message, file }
  }
}
