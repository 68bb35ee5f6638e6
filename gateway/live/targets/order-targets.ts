import type { BroadcastReport } from '../../../shared/contract/live.ts'
import type { TargetOrder } from '../../../shared/contract/live-targets.ts'
import type { LiveContext } from '../context.ts'
import { listTargets, type StreamTarget } from '../store/targets.ts'
import { openKey } from './sealed-key.ts'

/** Returns the targets that a live worker pushes to. Keys are in it for those that its report does not name. */
export async function orderTargets(
  { db, settings }: LiveContext,
  streamId: string,
  reported: NonNullable<BroadcastReport['targets']>,
): Promise<TargetOrder[]> {
  const known = new Set(reported.map((target) => target.target_id))
  const orderOf = async ({ targetId, url, sealedKey }: StreamTarget): Promise<TargetOrder> => {
    if (known.has(targetId)) return { target_id: targetId, push: null }
    const key = sealedKey === null ? null : await openKey(settings.keys.INTERNAL_API_KEY, targetId, sealedKey)
    return { target_id: targetId, push: { url, key } }
  }
  return Promise.all((await listTargets(db, streamId)).map(orderOf))
}
