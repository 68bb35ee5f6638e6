import * as v from 'valibot'

import type { AddressPolicy } from '../../../../shared/net/safe-url.ts'
import { KERNEL_ERRORS, type ErrorCode } from '../../../errors.ts'
import { objectProblem, type FieldProblem } from '../../../http/json-body.ts'
import { guardedUrl } from '../../../http/request-fields.ts'

/** Returns the schema of the body of `PUT /notifications/webhook`, guarded by the settings' policy; `null` turns it off. */
export function faultWebhookBody(policy: AddressPolicy) {
  return v.strictObject({ fault_webhook_url: v.nullable(guardedUrl(policy)) }, objectProblem)
}
export type FaultWebhookBody = v.InferOutput<ReturnType<typeof faultWebhookBody>>

/** Returns INVALID_URL where the URL is wrong, as for callback URLs; else INVALID_CONFIG. */
export function codeOfFaultWebhook(problems: readonly FieldProblem[]): ErrorCode {
  const isAboutUrl = problems.some(({ field }) => field === 'fault_webhook_url')
  return isAboutUrl ? KERNEL_ERRORS.INVALID_URL : KERNEL_ERRORS.INVALID_CONFIG
}
