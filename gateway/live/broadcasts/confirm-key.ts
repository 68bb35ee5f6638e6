import { hashText } from '../../../shared/net/hash.ts'
import { timingSafeEqual } from '../../../shared/net/signing.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { readIngestAddresses } from '../ingest/read-ingest-addresses.ts'
import { readSrtAddress } from '../ingest/srt.ts'
import { findOwnStream } from './find-own-stream.ts'
import type { RenewedKey } from './present.ts'

/**
 * Returns a stream key that its owner has, with where it publishes; `null` where it is not, or not any more, that of the
 * broadcast.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function confirmKey(
  context: LiveContext,
  owner: SignedIn,
  { id, key }: { readonly id: string; readonly key: string },
): Promise<RenewedKey | null> {
  const { stream } = await findOwnStream(context.db, owner, id)
  const hash = hashText(key)
  if (stream.state === 'ended' || !timingSafeEqual(hash, stream.keyHash)) return null
  const ingest = { ...(await readIngestAddresses(context, id)), ...(await readSrtAddress(context, id, hash)) }
  return { ingest, stream_key: key }
}
