import type { DbOrTx } from '../../ports/database.ts'
import type { Stream } from '../store/streams.ts'
import { listTargets } from '../store/targets.ts'
import { presentTarget, type TargetList } from './present.ts'

/** Returns the platforms that a broadcast is pushed to, as its owner sees them. */
export async function viewTargets(db: DbOrTx, stream: Stream): Promise<TargetList> {
  return { targets: (await listTargets(db, stream.streamId)).map((target) => presentTarget(target, stream)) }
}
