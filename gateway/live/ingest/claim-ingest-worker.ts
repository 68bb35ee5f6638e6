import type { Claim } from '../../../shared/contract/assignment.ts'
import { answerClaim } from '../../workers/claim-assignment.ts'
import { raiseEpoch } from '../../workers/store/assignments.ts'
import type { LiveContext } from '../context.ts'
import { loseEncodersOf } from '../store/streams.ts'
import { topicOf } from '../topic.ts'

/**
 * Claims the assignment of an ingest worker for a process. The connections of the process before are gone; a repeated claim
 * changes nothing, since encoders may have connected to its own process meanwhile.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function claimIngestWorker(context: LiveContext, id: string, claimant: string): Promise<Claim> {
  const { claimed, lost } = await context.transact(async (tx) => {
    const raised = await raiseEpoch(tx, id, claimant)
    return { claimed: raised, lost: raised === null ? [] : await loseEncodersOf(tx, id) }
  })
  for (const { streamId } of lost) context.notifier.notify(topicOf(streamId))
  return answerClaim(context, { id, claimant }, claimed)
}
