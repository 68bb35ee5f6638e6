import type { ValidationCode, ValidationIssue } from '../../../shared/contract/jobs.ts'

/** What ffmpeg left is not what it was told to make; `finishManifests` turns it into a value. */
export class SetFault extends Error {
  readonly issue: ValidationIssue

  constructor(code: ValidationCode, file: string | null, message: string) {
    super(file === null ? message : `${file} ${message}`)
    this.issue = { code, message: this.message, file }
  }
}
