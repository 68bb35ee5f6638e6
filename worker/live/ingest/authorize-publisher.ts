import * as v from 'valibot'

import { PublishAccepted, type PublishRequest } from '../../../shared/contract/live.ts'
import type { GatewayCaller } from '../../platform/callback.ts'

/** Whether an encoder may publish. The reason is for the encoder's user. */
export type PublishDecision =
  | { readonly kind: 'accepted'; readonly streamId: string }
  | { readonly kind: 'refused'; readonly reason: string }

/** The encoder must have its answer within three seconds of its command, on a busy machine too. */
const DECISION_TIMEOUT_MS = 2000
const UNREACHABLE = 'The platform cannot be reached at the moment. Try again.'

/**
 * Asks the gateway whether an encoder may publish. A gateway that is down, or does not answer in time, refuses: the
 * result is a decision in any case.
 */
export async function authorizePublisher(
  callGateway: GatewayCaller,
  assignmentPath: string,
  request: PublishRequest,
): Promise<PublishDecision> {
  const callback = { method: 'POST', path: `${assignmentPath}/publishers`, body: JSON.stringify(request) }
  const result = await callGateway(callback, AbortSignal.timeout(DECISION_TIMEOUT_MS))
  if (result.kind === 'aborted') return { kind: 'refused', reason: UNREACHABLE }
  if (result.kind === 'refused') return { kind: 'refused', reason: result.message }
  const accepted = v.safeParse(PublishAccepted, result.body)
  if (!accepted.success) return { kind: 'refused', reason: UNREACHABLE }
  return { kind: 'accepted', streamId: accepted.output.stream_id }
}
