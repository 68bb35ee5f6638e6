import * as v from 'valibot'

import { PublishAccepted, type PublishRequest } from '../../../shared/contract/live.ts'
import type { GatewayCaller } from '../../platform/callback.ts'

/** Whether an encoder may publish. The reason is for the encoder's user. */
export type PublishDecision = { readonly kind: 'accepted'; readonly streamId: string } | PublishRefusal

/** `status` and `code` are those of the gateway's answer. `isUncertain`: there is none; it may have admitted the encoder. */
export type PublishRefusal = {
  readonly kind: 'refused'
  readonly isUncertain: boolean
  readonly reason: string
  readonly status: number
  readonly code: string
}

/** The encoder must have its answer within three seconds of its command, on a busy machine too. */
const DECISION_TIMEOUT_MS = 2000
const UNREACHABLE: PublishRefusal = {
  kind: 'refused',
  isUncertain: true,
  reason: 'The platform cannot be reached at the moment. Try again.',
  status: 503,
  code: 'INGEST_UNAVAILABLE',
}

/**
 * Asks the gateway whether an encoder may publish. A gateway that is down, or does not answer in time, refuses: the
 * result is a decision in any case.
 */
export async function authorizePublisher(
  callGateway: GatewayCaller,
  assignmentPath: string,
  request: PublishRequest,
): Promise<PublishDecision> {
  const body = JSON.stringify({ ...request, answer_within_ms: DECISION_TIMEOUT_MS } satisfies PublishRequest)
  const callback = { method: 'POST', path: `${assignmentPath}/publishers`, body }
  const result = await callGateway(callback, AbortSignal.timeout(DECISION_TIMEOUT_MS))
  if (result.kind === 'aborted') return UNREACHABLE
  if (result.kind === 'refused') {
    const { message: reason, status, code } = result
    return { kind: 'refused', isUncertain: false, reason, status, code }
  }
  const accepted = v.safeParse(PublishAccepted, result.body)
  if (!accepted.success) return UNREACHABLE
  return { kind: 'accepted', streamId: accepted.output.stream_id }
}
