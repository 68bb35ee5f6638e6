import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { findAssignment } from '../../workers/store/assignments.ts'
import { claimIngest, openIngest, signUp } from '../testing/live-gateway.ts'

let gateway: TestGateway
let owner: Awaited<ReturnType<typeof signUp>>
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  owner = await signUp(gateway.api, 'broadcaster')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const stateOf = async (id: string) => (await gateway.api('GET', `/api/v1/streams/${id}`)).json.state
const epochOf = async () => (await findAssignment(gateway.database.db, 'ingest-0'))?.epoch

/** Puts a broadcast on the air through an ingest worker that has just started. */
async function goOnAir() {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  const ingest = await openIngest(gateway)
  const { session } = await ingest.publish(json.stream_key)
  const id: string = json.stream_id
  return { ingest, session, id }
}

it('a claim that arrives again leaves the encoders of its process on the air', async () => {
  const { ingest, session, id } = await goOnAir()
  const epoch = await epochOf()
  const { status, json } = await ingest.repeatClaim()
  expect([status, json.epoch]).toEqual([200, epoch])
  expect(await stateOf(id)).toBe('live')
  expect((await ingest.report(id, [{ session }])).sessions).toMatchObject([{ session, end_reason: null }])
})

it('the claim of another process loses the encoders of the one before, or does nothing at all', async () => {
  const { id } = await goOnAir()
  const epoch = await epochOf()
  await gateway.database.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the disk is full'; end $$;
    create trigger refuse before update on streams execute function refuse()`)
  await expect(claimIngest(gateway.url)).resolves.toBeDefined()
  expect(await epochOf()).toBe(epoch)
  await gateway.database.sql.unsafe('drop trigger refuse on streams')
  await claimIngest(gateway.url)
  expect([await stateOf(id), await epochOf()]).toEqual(['reconnecting', (epoch ?? 0) + 1])
})
