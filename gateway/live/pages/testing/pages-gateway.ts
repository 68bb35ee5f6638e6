import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'

import { until } from '../../../../shared/testing/until.ts'
import { startTestGateway, type Json, type TestGateway } from '../../../testing/test-gateway.ts'
import {
  claimBroadcast,
  openIngest,
  orderClip,
  signUp,
  type SimulatedIngest,
  type TestUser,
} from '../../testing/live-gateway.ts'
import { signEvent, startStripeStandIn, type StripeStandIn } from '../../tips/testing/stripe-stand-in.ts'
import type { PageIds } from './listed-pages.ts'

/** A gateway with all that pages can show. */
export type PagesGateway = AsyncDisposable & {
  readonly gateway: TestGateway
  /** The first user, so an admin, with a channel; and one whom this user follows and has suspended. */
  readonly owner: TestUser
  readonly guest: TestUser
  readonly ingest: SimulatedIngest
  readonly ids: PageIds
}

const DAY_MS = 86_400_000
/** Of two seconds each: enough for the shortest clip that pages offer. */
const SEGMENTS = 6

/** Starts a gateway, and makes broadcasts and clips of each state, reports, notices and tips. */
export async function startPagesGateway(): Promise<PagesGateway> {
  const stripe = await startStripeStandIn()
  const gateway = await startTestGateway({
    env: {
      INGEST_WORKERS: '1',
      RECONNECT_WINDOW: '1800s',
      ...stripe.env,
      STRIPE_PUBLISHABLE_KEY: 'pk_test_standin',
      VAPID_SUBJECT: 'mailto:admin@live.example',
    },
  })
  const { api } = gateway
  const [owner, guest] = [await signUp(api, 'anna'), await signUp(api, 'mika')]
  await api('POST', '/api/v1/follows', { user_id: guest.user.user_id }, owner.headers)
  const soon = { title: 'By another', scheduled_for: new Date(Date.now() + DAY_MS).toISOString() }
  const planned = (await api('POST', '/api/v1/streams', soon, guest.headers)).json
  const ingest = await openIngest(gateway)
  const ids = await makeBroadcasts(gateway, owner, ingest)
  ids.set('by another', planned.stream_id).set('guest', guest.user.user_id)
  await payTip({ gateway, stripe }, await giveTip(gateway, guest, ids.get('live') ?? ''))
  ids.set('unpaid tip', (await giveTip(gateway, owner, planned.stream_id)).transaction_id)
  for (const kind of ['stream', 'archive']) {
    const report = { kind, id: ids.get(kind === 'stream' ? 'live' : 'archive'), reason: 'Not suitable' }
    await api('POST', '/api/v1/reports', report, guest.headers)
  }
  const webhook = { fault_webhook_url: 'http://127.0.0.1:9/faults' }
  await api('PUT', '/api/v1/notifications/webhook', webhook, owner.headers)
  await api('POST', '/api/v1/notifications/webhook/test', undefined, owner.headers)
  await api('PUT', `/api/v1/users/${guest.user.user_id}/suspension`, { reason: 'Rude' }, owner.headers)
  return {
    gateway,
    owner,
    guest,
    ingest,
    ids,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await stripe[Symbol.asyncDispose]()
    },
  }
}

/** Makes a broadcast of each state; those on the air and after it are what workers report. */
async function makeBroadcasts(
  gateway: TestGateway,
  owner: TestUser,
  ingest: SimulatedIngest,
): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  const api = (method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, owner.headers)
  const create = async (title: string, more: object = {}) => {
    const about = { title, description: 'What it is about.', category: 'Music', tags: ['one', 'two'], ...more }
    return (await api('POST', '/streams', about)).json
  }
  ids.set('ready', (await create('Not started')).stream_id)
  const tomorrow = new Date(Date.now() + DAY_MS).toISOString()
  ids.set('scheduled', (await create('Tomorrow', { scheduled_for: tomorrow })).stream_id)
  for (const title of ['On the air', 'Over']) {
    const { stream_id: id, stream_key: key } = await create(title)
    const { session } = await ingest.publish(key)
    const encoder = await claimBroadcast(gateway.url, id)
    await encoder.encode(session, SEGMENTS)
    ids.set(title === 'Over' ? 'ended' : 'live', id)
    if (title === 'On the air') await orderClips({ gateway, owner, ids }, id)
    if (title !== 'Over') continue
    await api('PUT', `/streams/${id}/end`)
    await encoder.report({ finished_session: session })
    await until(async () => (await api('GET', '/archives')).json.archives.length > 0, 'there is an archive')
    ids.set('archive', (await api('GET', '/archives')).json.archives[0].archive_id)
  }
  return ids
}

type ClipParts = { readonly gateway: TestGateway; readonly owner: TestUser; readonly ids: Map<string, string> }

/** Orders a clip of each status. */
async function orderClips({ gateway, owner, ids }: ClipParts, streamId: string): Promise<void> {
  const outcomes = {
    cut: { status: 'ready', file_size: 5000 },
    damaged: { status: 'failed', reason: 'x' },
    waiting: null,
  }
  for (const [name, outcome] of Object.entries(outcomes)) {
    ids.set(`clip ${name}`, await orderClip(gateway, owner, { streamId, outcome }))
  }
}

type TipParts = { readonly gateway: TestGateway; readonly stripe: StripeStandIn }

/** Tips the owner of a broadcast; the tip is not paid. */
async function giveTip({ api }: TestGateway, { headers }: TestUser, streamId: string): Promise<Json> {
  const tip = { stream_id: streamId, amount: 500, currency: 'eur', message: 'Great' }
  return (await api('POST', '/api/v1/transactions', tip, { ...headers, 'idempotency-key': 'one' })).json
}

async function payTip({ gateway: { api }, stripe }: TipParts, { payment_intent: intent }: Json): Promise<void> {
  stripe.pay(intent)
  const body = JSON.stringify(stripe.events.at(-1))
  await api('POST', '/api/v1/stripe/webhook', body, { 'x-api-key': '', 'stripe-signature': signEvent(body) })
}

/** Opens a context of a browser with the session of a user. */
export async function openAs(
  browser: Browser,
  { url }: TestGateway,
  { headers }: TestUser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  const value = headers['authorization']?.replace('Bearer ', '') ?? ''
  await context.addCookies([{ name: 'tallylight_session', value, url }])
  return context
}
