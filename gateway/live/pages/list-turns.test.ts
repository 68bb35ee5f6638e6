import { afterAll, beforeAll, expect, it } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let anna: TestUser
beforeAll(async () => {
  gateway = await startTestGateway()
  anna = await signUp(gateway.api, 'anna')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const read = async (path: string) => {
  const cookie = cookieOf(anna)
  return (await fetch(gateway.url + path, { headers: { cookie } })).text()
}

/** Returns the titles of the cards of a page, and the address of its next page. */
function look(html: string): { readonly titles: string[]; readonly next: string | null } {
  const titles = [...html.matchAll(/<h3><a [^>]*>([^<]*)<\/a>/g)].map(([, title]) => title ?? '')
  const next = /href="(\?[^"]*cursor=[^"]*)">(?:Show more|Show older ones)/.exec(html)?.[1] ?? null
  return { titles, next: next?.replaceAll('&amp;', '&') ?? null }
}

/** Inserts broadcasts of anna, the oldest first. */
async function insertStreams(state: 'live' | 'ended', titles: readonly string[]): Promise<string[]> {
  const { sql } = gateway.database
  const ids = titles.map(() => newUuid()).toSorted()
  const over = state === 'ended' ? new Date().toISOString() : null
  for (const [index, title] of titles.entries()) {
    const id = ids[index] ?? ''
    await sql`
      insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded, dvr_sec,
        state, key_hash, folder, started_at, ended_at, closed_at)
      values (${id}, ${anna.user.user_id}, ${title}, '', '', '{}', 'public', 'low', true, 0, ${state}, ${id},
        ${`live/${id}/`}, now(), ${over}, ${over})`
  }
  return ids
}

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name} ${index}`)

it('home begins with the broadcasts that most people watch, also where others are newer, and leads to the others', async () => {
  const { sql } = gateway.database
  const [watched = ''] = await insertStreams('live', ['Watched by many', ...numbered('Live', 61)])
  for (const viewer of ['a', 'b']) {
    await sql`insert into viewers (stream_id, viewer_id, lease_until) values (${watched}, ${viewer}, now() + interval '1 hour')`
  }
  await sql`update streams set viewer_count = 2 where stream_id = ${watched}`
  const first = look(await read('/'))
  expect([first.titles.length, first.titles[0]]).toEqual([60, 'Watched by many'])
  const second = look(await read(`/${first.next}`))
  expect([second.titles, second.next]).toEqual([['Live 1', 'Live 0'], null])
  const part = look(await read(`/${first.next}&part=list`))
  expect(part.titles).toEqual(['Live 1', 'Live 0'])
  await sql`delete from streams`
})

it('the channel leads to older recordings and older clips', async () => {
  const { sql } = gateway.database
  const titles = numbered('Show', 50)
  const streams = await insertStreams('ended', titles)
  for (const [index, title] of titles.entries()) {
    const [streamId = '', owner] = [streams[index], anna.user.user_id]
    await sql`
      insert into archives (archive_id, stream_id, user_id, title, visibility, status)
      values (${streamId}, ${streamId}, ${owner}, ${title}, 'public', 'ready')`
    await sql`
      insert into clips (clip_id, stream_id, maker_id, title, status, first_seq, last_seq, start_sec, duration)
      values (${streamId}, ${streamId}, ${owner}, ${`Clip ${index}`}, 'ready', 0, 1, 0, 5)`
  }
  const html = await read('/@anna')
  expect(look(html).titles).toHaveLength(48 + 24)
  const [recordings = '', clips = ''] = [...html.matchAll(/href="(\?[^"]*cursor=[^"]*)">Show older ones/g)].map(
    ([, address = '']) => address.replaceAll('&amp;', '&'),
  )
  expect(look(await read(`/@anna${recordings}`))).toEqual({ titles: ['Show 1', 'Show 0'], next: null })
  const more = look(await read(`/@anna${clips}`))
  expect([more.titles[0], more.titles.length]).toEqual(['Clip 25', 24])
  expect(look(await read(`/@anna${more.next}`)).titles).toEqual(['Clip 1', 'Clip 0'])
  await sql`delete from streams`
})

it('the studio lists a planned broadcast that is older than a hundred others, and leads to older ones', async () => {
  const plan = { title: 'Planned', scheduled_for: new Date(Date.now() + 86_400_000).toISOString() }
  await gateway.api('POST', '/api/v1/streams', plan, anna.headers)
  await insertStreams('ended', numbered('Over', 101))
  const first = look(await read('/studio'))
  expect([first.titles[0], first.titles[1], first.titles.length]).toEqual(['Planned', 'Over 100', 49])
  const second = look(await read(`/studio${first.next}`))
  expect([second.titles[0], second.titles.length]).toEqual(['Over 52', 48])
  expect(look(await read(`/studio${second.next}`))).toMatchObject({ next: null })
  expect(await read(`/studio${first.next}&lang=ja`)).toContain('すべての配信')
})

it('an empty category is named, and a search without a result speaks of its words', async () => {
  const empty = await read('/?category=Chess')
  expect(empty).toMatch(/Nothing in “Chess”[\s\S]*No broadcast is in this category/)
  expect(empty).not.toContain('these words')
  expect(await read('/?category=Chess&q=endgame')).toContain('No broadcast has these words')
})
