import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { buildEvent, buildReport } from '../testing/workers/monitor-reports.ts'
import { RUNTIMES, startGatewayOn, type Runtime, type RuntimeGateway } from '../testing/runtimes.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

let gateway: RuntimeGateway
let receiver: Receiver
let streams = 0

function useGatewayOn(runtime: Runtime): void {
  beforeAll(async () => {
    receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
    gateway = await startGatewayOn(runtime)
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
  })
}

async function createMonitor(config: object = {}): Promise<string> {
  streams += 1
  const stream_url = `http://127.0.0.1:9/callbacks-${streams}.m3u8`
  const made = await gateway.api('POST', '/api/v1/monitors', {
    stream_url,
    callback_url: receiver.url,
    config,
    metadata: { n: streams },
  })
  return made.json.monitor_id
}

const claim = (id: string) =>
  gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
const put = (id: string, body: unknown) => gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, body)
const get = async (id: string) => (await gateway.api('GET', `/api/v1/monitors/${id}`)).json

describe.each(RUNTIMES)("a worker's calls to %s", (runtime) => {
  useGatewayOn(runtime)

  it('claim first, then report; the monitor shows what they say and the receiver gets their events, signed', async () => {
    const id = await createMonitor()
    expect((await claim(id)).json).toEqual({
      epoch: 1,
      resume: null,
      policy: { allow_private_networks: true, allow_any_site: false },
    })
    const said = await put(
      id,
      buildReport(1, 1, { title: 'Evening news', events: [buildEvent('stream.started', { title: 'Evening news' })] }),
    )
    expect([said.status, said.json]).toEqual([200, { duplicate: false }])
    const got = await receiver.waitFor((delivery) => delivery.payload.monitor_id === id)
    expect(got.verdict).toBe('valid')
    expect(got.payload).toMatchObject({
      event_type: 'stream.started',
      data: { title: 'Evening news' },
      stream_url: expect.stringContaining('callbacks-'),
    })
    expect(await get(id)).toMatchObject({
      status: 'monitoring',
      stream_status: 'live',
      title: 'Evening news',
      statistics: { total_segments_analyzed: 1 },
    })
  })

  it('count once, however often and in whatever order they come', async () => {
    const id = await createMonitor()
    await claim(id)
    const second = buildReport(1, 2, { events: [buildEvent('alert.blackout')] })
    expect((await put(id, second)).json).toEqual({ duplicate: false })
    expect((await put(id, second)).json).toEqual({ duplicate: true })
    expect((await put(id, buildReport(1, 1, { events: [buildEvent('stream.started')] }))).json).toEqual({
      duplicate: true,
    })
    expect((await get(id)).statistics.total_segments_analyzed).toBe(2)
    const events = (await gateway.api('GET', `/api/v1/monitors/${id}/events`)).json.events
    expect(events.map((one: { event_type: string }) => one.event_type)).toEqual(['alert.blackout'])
  })

  it('are refused from the moment that another process has claimed, and the new one resumes', async () => {
    const id = await createMonitor()
    await claim(id)
    await put(id, buildReport(1, 1, { resume: { position: 7 } }))
    expect((await claim(id)).json).toMatchObject({ epoch: 2, resume: { position: 7 } })
    const stale = await put(id, buildReport(1, 2, { events: [buildEvent('alert.silence')] }))
    expect([stale.status, stale.json.error.code]).toEqual([409, 'STALE_EPOCH'])
    expect((await put(id, buildReport(2, 1))).json).toEqual({ duplicate: false })
    expect((await gateway.api('GET', `/api/v1/monitors/${id}/events`)).json.events).toEqual([])
  })

  it('that claim count once each, doubled, late or replayed', async () => {
    const id = await createMonitor()
    const claimAs = (claimant: string) =>
      gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant })
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()]
    const doubled = await Promise.all([claimAs(first), claimAs(first)])
    expect(doubled.map(({ json }) => json.epoch)).toEqual([1, 1])
    expect((await claimAs(second)).json.epoch).toBe(2)
    expect((await claimAs(first)).json.error.code).toBe('STALE_EPOCH')
    expect((await put(id, buildReport(2, 1))).json).toEqual({ duplicate: false })
  })

  it('that end a monitor must say so in an event', async () => {
    const id = await createMonitor()
    await claim(id)
    expect((await put(id, buildReport(1, 1, { mode: 'completed', stream_status: 'ended' }))).status).toBe(400)
    expect((await get(id)).status).toBe('initializing')
  })

  it("and a DELETE at the same time do not stand in each other's way", async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => createMonitor()))
    await Promise.all(ids.map(claim))
    const answers = await Promise.all(
      ids.flatMap((id) => [
        ...Array.from({ length: 6 }, (_, i) =>
          put(id, buildReport(1, i + 1, { events: [buildEvent('alert.silence')] })),
        ),
        gateway.api('DELETE', `/api/v1/monitors/${id}`),
        ...Array.from({ length: 6 }, (_, i) => put(id, buildReport(1, i + 7))),
      ]),
    )
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    expect(gateway.errors).toEqual([])
  })

  it('are refused once the monitor has ended, and its status stays', async () => {
    const id = await createMonitor()
    await claim(id)
    const ended = buildReport(1, 1, {
      mode: 'completed',
      stream_status: 'ended',
      events: [buildEvent('stream.ended', { reason: 'endlist_detected' })],
    })
    expect((await put(id, ended)).status).toBe(200)
    expect(await get(id)).toMatchObject({ status: 'completed', ended_at: expect.any(String) })
    const late = await put(id, buildReport(1, 2))
    expect([late.status, late.json.error.code]).toEqual([409, 'ASSIGNMENT_ENDED'])
    expect((await claim(id)).json.error.code).toBe('ASSIGNMENT_ENDED')
    expect((await gateway.api('DELETE', `/api/v1/monitors/${id}`)).json.status).toBe('completed')
    expect((await get(id)).status).toBe('completed')
  })

  it('of an error keep its reason', async () => {
    const id = await createMonitor()
    await claim(id)
    await put(id, buildReport(1, 1, { mode: 'error', events: [buildEvent('monitor.error', { reason: 'private' })] }))
    expect(await get(id)).toMatchObject({ status: 'error', error_reason: 'private' })
  })

  it('may not take a monitoring monitor back to waiting', async () => {
    const id = await createMonitor()
    await claim(id)
    await put(id, buildReport(1, 1))
    await put(id, buildReport(1, 2, { mode: 'waiting' }))
    await put(id, buildReport(1, 3, { mode: 'initializing' }))
    expect((await get(id)).status).toBe('monitoring')
  })

  it('by a clock that is off learn the time, and count once it is right', async () => {
    const id = await createMonitor()
    const skewed = await gateway.callbackSkewedBy(900)(
      id,
      'PUT',
      `/internal/v1/monitors/${id}/status`,
      buildReport(1, 1),
    )
    expect([skewed.status, skewed.json.error.code]).toEqual([401, 'CLOCK_SKEW'])
    expect(Math.abs(skewed.json.error.details.server_time - Date.now() / 1000)).toBeLessThan(60)
  })

  it('learn the policy of the gateway that answers, with the claim and with each report', async () => {
    const id = await createMonitor()
    const policy = JSON.stringify({ allow_private_networks: true, allow_any_site: false })
    expect((await claim(id)).headers.get('x-worker-policy')).toBe(policy)
    expect((await put(id, buildReport(1, 1))).headers.get('x-worker-policy')).toBe(policy)
  })

  it('open their own assignment and nothing else', async () => {
    const mine = await createMonitor()
    const other = await createMonitor()
    await claim(other)
    const foreign = await gateway.callback(mine, 'PUT', `/internal/v1/monitors/${other}/status`, buildReport(1, 1))
    expect([foreign.status, foreign.json.error.code]).toEqual([401, 'UNAUTHORIZED'])
    const unsigned = await gateway.api('PUT', `/internal/v1/monitors/${other}/status`, buildReport(1, 1))
    expect(unsigned.status).toBe(401)
    const unknown = await claim('mon-01890a5d-ac96-774b-bcce-b302099a8057')
    expect(unknown.status).toBe(404)
    expect((await get(other)).statistics.total_segments_analyzed).toBe(0)
  })

  it.each([
    ['no epoch', { epoch: undefined }],
    ['a mode that is none', { mode: 'dancing' }],
    [
      'an event that is none',
      { events: [{ event_type: 'alert.unknown', timestamp: new Date().toISOString(), data: {} }] },
    ],
    ['too many events', { events: Array.from({ length: 51 }, () => buildEvent('alert.silence')) }],
  ])('with %s are refused, and change nothing', async (_name, wrong) => {
    const id = await createMonitor()
    await claim(id)
    expect((await put(id, { ...buildReport(1, 1), ...wrong })).status).toBe(400)
    expect((await get(id)).status).toBe('initializing')
  })
})

describe.each(RUNTIMES)('the history of events on %s', (runtime) => {
  useGatewayOn(runtime)

  it('pages newest first, shows each delivery, and delivers again with the same id and bytes', async () => {
    const id = await createMonitor()
    await claim(id)
    const types = ['stream.started', 'alert.blackout', 'alert.blackout_recovered'] as const
    await put(id, buildReport(1, 1, { events: types.map((type) => buildEvent(type)) }))
    const last = await receiver.waitFor(({ payload }) => payload.monitor_id === id && payload.event_type === types[2])
    await expect
      .poll(
        async () => (await gateway.api('GET', `/api/v1/monitors/${id}/events?limit=1`)).json.events[0].delivery.status,
      )
      .toBe('delivered')
    const first = (await gateway.api('GET', `/api/v1/monitors/${id}/events?limit=2`)).json
    expect(first.events.map((one: { event_type: string }) => one.event_type)).toEqual([types[2], types[1]])
    const rest = (await gateway.api('GET', `/api/v1/monitors/${id}/events?limit=2&cursor=${first.next_cursor}`)).json
    expect([rest.events.length, rest.next_cursor]).toEqual([1, null])
    const eventId = last.payload.event_id
    expect((await gateway.api('POST', `/api/v1/monitors/${id}/events/${eventId}/redeliver`)).status).toBe(202)
    const again = await receiver.waitFor((delivery) => delivery.payload.event_id === eventId && delivery !== last)
    expect(again.body).toBe(last.body)
    const order = receiver.deliveries
      .filter(({ payload }) => payload.monitor_id === id)
      .map(({ payload }) => payload.event_type)
    expect(order).toEqual([...types, types[2]])
  })
})
