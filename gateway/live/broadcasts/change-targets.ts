import { MAX_TARGETS } from '../../../shared/contract/live-targets.ts'
import { newUuid, UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { deleteTargetRow, insertTarget, listTargets, type StreamTarget } from '../store/targets.ts'
import { presentTarget, type TargetList, type TargetView } from '../targets/present.ts'
import { viewTargets } from '../targets/view-targets.ts'
import { openKey, sealKey } from '../targets/sealed-key.ts'
import { changeOwn, requireOpen } from './change-stream.ts'
import { findOwnStream } from './find-own-stream.ts'
import type { AddTargetBody } from './target-requests.ts'

/**
 * Adds a platform that the broadcast is pushed to, while it is live too. The key is stored encrypted, and in no answer.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN, STREAM_ENDED, TOO_MANY_TARGETS, TARGET_EXISTS
 */
export async function addTarget(
  context: LiveContext,
  owner: SignedIn,
  id: string,
  { url, key }: AddTargetBody,
): Promise<TargetView> {
  const { INTERNAL_API_KEY: internalKey } = context.settings.keys
  const targetId = newUuid()
  const sealedKey = await sealKey(internalKey, targetId, key)
  const { stream: view } = await changeOwn(context, owner, id, async (tx, stream) => {
    requireOpen(stream)
    const others = await listTargets(tx, id)
    if (others.length >= MAX_TARGETS) throw tooManyTargets()
    const equal = await findEqualTarget(internalKey, others, { url, key })
    if (equal !== null) throw targetExists(equal)
    return presentTarget(await insertTarget(tx, { targetId, streamId: id, url, sealedKey }), stream)
  })
  return view
}

/**
 * Returns the platforms that the own broadcast is pushed to.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function readTargets({ db }: LiveContext, owner: SignedIn, id: string): Promise<TargetList> {
  const { stream } = await findOwnStream(db, owner, id)
  return viewTargets(db, stream)
}

/**
 * Removes a platform from the own broadcast, whose live worker ends the push within seconds.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN, TARGET_NOT_FOUND
 */
export async function removeTarget(context: LiveContext, owner: SignedIn, id: string, targetId: string): Promise<void> {
  await changeOwn(context, owner, id, async (tx) => {
    if (UUID.test(targetId) && (await deleteTargetRow(tx, id, targetId))) return
    throw new BrokenRule(LIVE_ERRORS.TARGET_NOT_FOUND, 'this broadcast has no target of this id')
  })
}

/** Returns the id of the target that has this address and this key; `null` where there is none. */
async function findEqualTarget(
  internalKey: string,
  others: readonly StreamTarget[],
  body: AddTargetBody,
): Promise<string | null> {
  for (const { targetId, url, sealedKey } of others) {
    if (url !== body.url || sealedKey === null) continue
    if ((await openKey(internalKey, targetId, sealedKey)) === body.key) return targetId
  }
  return null
}

function tooManyTargets(): BrokenRule {
  const message = `this broadcast has ${MAX_TARGETS} targets, which is the limit; remove one first`
  return new BrokenRule(LIVE_ERRORS.TOO_MANY_TARGETS, message)
}

function targetExists(targetId: string): BrokenRule {
  const message = 'this broadcast is pushed to this url with this key already; a platform takes a key once'
  return new BrokenRule(LIVE_ERRORS.TARGET_EXISTS, message, { details: { target_id: targetId } })
}
