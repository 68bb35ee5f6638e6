/** Publishing over WebRTC by WHIP (RFC 9725): from the studio, and from encoders such as OBS. */

import { Hono, type Context as HonoContext } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { readBody } from '../../http/body-limit.ts'
import { answers, describe } from '../../http/openapi.ts'
import { pathPrefixOf } from '../../settings/read-settings.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { findWhipServer } from '../store/ingest-servers.ts'
import { endPublisher, ingestUnavailable, sendOffer } from './call-ingest.ts'
import { findPublishable } from './find-publishable.ts'

const TAG = 'Broadcasts'
const SDP = 'application/sdp'
/** A session is named by its ingest worker too: no row has to be read to find it. */
const SESSION = /^(ingest-[a-z0-9-]{1,60})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const MAX_AGENT_CHARS = 100

/** Calls of WHIP that need no session: a stream key proves the right too. */
export const WHIP_CALLS = /^[A-Z]+ \/api\/v1\/streams\/[^/]+\/whip(?:\/[^/]*)?$/

const DOCS = {
  publish: describe(
    TAG,
    'Publish a broadcast over WebRTC (WHIP): an offer in SDP, by the stream key as token or by its owner',
    {
      ...answers(201, null, 'The answer in SDP. `Location` is the session, which `DELETE` ends.'),
      errors: [
        LIVE_ERRORS.INVALID_OFFER,
        KERNEL_ERRORS.UNAUTHORIZED,
        LIVE_ERRORS.PUBLISH_REFUSED,
        KERNEL_ERRORS.FORBIDDEN,
        LIVE_ERRORS.STREAM_NOT_FOUND,
        LIVE_ERRORS.CODEC_UNSUPPORTED,
        LIVE_ERRORS.STREAM_ENDED,
        LIVE_ERRORS.STREAM_TAKEN,
        KERNEL_ERRORS.BODY_TOO_LARGE,
        KERNEL_ERRORS.UNSUPPORTED_MEDIA_TYPE,
        LIVE_ERRORS.INGEST_UNAVAILABLE,
      ],
    },
    'session',
  ),
  end: describe(
    TAG,
    'End a session of WHIP',
    {
      ...answers(200, null, 'It has ended. The broadcast waits for RECONNECT_WINDOW.'),
      errors: [LIVE_ERRORS.PUBLISH_REFUSED, LIVE_ERRORS.PUBLISHER_NOT_FOUND, LIVE_ERRORS.INGEST_UNAVAILABLE],
    },
    'session',
  ),
} as const

/** Returns the routes of WHIP. */
export function whipRoutes(context: LiveContext): Hono {
  return new Hono()
    .post('/streams/:id/whip', DOCS.publish, (c) => publish(context, c, c.req.param('id')))
    .options('/streams/:id/whip', (c) => {
      c.header('Accept-Post', SDP)
      return c.body(null, 204)
    })
    .delete('/streams/:id/whip/:session', DOCS.end, async (c) => {
      const { streamId } = await findPublishable(context, c, c.req.param('id'))
      const [, ingestId, session] = SESSION.exec(c.req.param('session')) ?? []
      const server = ingestId === undefined ? null : await findWhipServer(context.db, ingestId)
      if (server === null || session === undefined) throw publisherNotFound()
      await endPublisher(context, server, { streamId, session })
      return c.body(null, 200)
    })
    .all('/streams/:id/whip', (c) => refuseMethod(c, 'POST, OPTIONS'))
    .all('/streams/:id/whip/:session', (c) => refuseMethod(c, 'DELETE'))
}

async function publish(context: LiveContext, c: HonoContext, id: string): Promise<Response> {
  const stream = await findPublishable(context, c, id)
  if (!/^application\/sdp\s*(?:;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new BrokenRule(KERNEL_ERRORS.UNSUPPORTED_MEDIA_TYPE, `the body must be an offer, with Content-Type: ${SDP}`)
  }
  const server = await findWhipServer(context.db)
  if (server === null) throw ingestUnavailable()
  const { session, sdp } = await sendOffer(context, server, {
    stream_id: stream.streamId,
    key_hash: stream.keyHash,
    address: context.clientAddress(c),
    agent: describeAgent(c.req.header('user-agent')),
    sdp: await readBody(c),
  })
  c.header('Location', `${pathPrefixOf(context.settings)}/api/v1/streams/${id}/whip/${server.ingestId}.${session}`)
  c.header('Content-Type', SDP)
  return c.body(sdp, 201)
}

/** Returns how a publisher names its program; browsers name each other. */
function describeAgent(agent: string | undefined): string | null {
  if (agent === undefined || agent === '') return null
  return agent.startsWith('Mozilla/') ? 'browser' : agent.replaceAll(/\p{Cc}/gu, '').slice(0, MAX_AGENT_CHARS)
}

function publisherNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.PUBLISHER_NOT_FOUND, 'there is no session of this id; it may have ended')
}

/** Refuses other methods: there is no trickle ICE, since an answer has all addresses (RFC 9725 §4.3). */
function refuseMethod(c: HonoContext, allowed: string): never {
  c.header('Allow', allowed)
  throw new BrokenRule(LIVE_ERRORS.METHOD_NOT_ALLOWED, `${c.req.method} is not possible here; use ${allowed}`)
}
