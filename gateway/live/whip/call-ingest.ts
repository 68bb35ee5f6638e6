import * as v from 'valibot'

import { Refusal } from '../../../shared/contract/assignment.ts'
import { WhipAccepted, type WhipRequest } from '../../../shared/contract/live.ts'
import { deriveWorkerToken, signCallback } from '../../../shared/net/signing.ts'
import { BrokenRule } from '../../errors.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { INGEST_KIND } from '../ingest/pod.ts'
import type { WhipServer } from '../store/ingest-servers.ts'

/** Time limit of a call, in ms: the worker asks the gateway meanwhile, and finds its addresses. */
const CALL_TIMEOUT_MS = 7000
const RETRY_SEC = 5

/** The refusals of an ingest worker that are for the publisher. */
const PASSED_ON = [
  LIVE_ERRORS.INVALID_OFFER,
  LIVE_ERRORS.CODEC_UNSUPPORTED,
  LIVE_ERRORS.PUBLISH_REFUSED,
  LIVE_ERRORS.PUBLISHER_NOT_FOUND,
  LIVE_ERRORS.STREAM_ENDED,
  LIVE_ERRORS.STREAM_TAKEN,
  LIVE_ERRORS.INGEST_UNAVAILABLE,
]

/**
 * Hands an offer to an ingest worker.
 * @throws BrokenRule the worker's refusal, or INGEST_UNAVAILABLE
 */
export async function sendOffer(context: LiveContext, server: WhipServer, offer: WhipRequest): Promise<WhipAccepted> {
  const response = await callIngest(context, server, { method: 'POST', path: '', body: JSON.stringify(offer) })
  if (!response.ok) throw await readRefusal(response)
  const accepted = v.safeParse(WhipAccepted, await response.json().catch(() => null))
  if (accepted.success) return accepted.output
  throw ingestUnavailable()
}

/**
 * Ends a session of an ingest worker.
 * @throws BrokenRule PUBLISHER_NOT_FOUND, INGEST_UNAVAILABLE
 */
export async function endPublisher(
  context: LiveContext,
  server: WhipServer,
  { streamId, session }: { readonly streamId: string; readonly session: string },
): Promise<void> {
  const response = await callIngest(context, server, { method: 'DELETE', path: `/${streamId}/${session}`, body: '' })
  if (!response.ok) throw await readRefusal(response)
}

/** Returns the refusal where no ingest worker takes offers now. */
export function ingestUnavailable(): BrokenRule {
  const message = 'nothing can be published from a browser at the moment; try again, or publish by RTMP'
  return new BrokenRule(LIVE_ERRORS.INGEST_UNAVAILABLE, message, { retryAfterSec: RETRY_SEC })
}

async function readRefusal(response: Response): Promise<BrokenRule> {
  const refusal = v.safeParse(Refusal, await response.json().catch(() => null))
  const known = refusal.success ? PASSED_ON.find(({ code }) => code === refusal.output.error.code) : undefined
  return refusal.success && known !== undefined
    ? new BrokenRule(known, refusal.output.error.message)
    : ingestUnavailable()
}

type IngestCall = { readonly method: 'POST' | 'DELETE'; readonly path: string; readonly body: string }

/** Sends a request to an ingest worker, signed as callbacks are. */
async function callIngest(
  { settings, log }: LiveContext,
  { ingestId, url }: WhipServer,
  { method, path, body }: IngestCall,
): Promise<Response> {
  const token = deriveWorkerToken(settings.keys.INTERNAL_API_KEY, INGEST_KIND, ingestId)
  const target = new URL(url + path)
  const timestamp = String(Math.floor(Date.now() / 1000))
  try {
    return await fetch(target, {
      method,
      headers: {
        'content-type': 'application/json',
        'x-timestamp': timestamp,
        'x-signature-256': signCallback(token, timestamp, { method, path: target.pathname, body }),
      },
      ...(method === 'POST' ? { body } : {}),
      redirect: 'error',
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
  } catch (error) {
    log.info('ingest worker could not be reached', { ingest_id: ingestId, error })
    throw ingestUnavailable()
  }
}
