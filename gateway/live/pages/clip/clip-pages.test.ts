import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, claimBroadcast, openIngest, orderClip, signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let anna: TestUser
let ben: TestUser
let streamId = ''
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
  const ingest = await openIngest(gateway)
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, anna.headers)
  streamId = json.stream_id
  const { session } = await ingest.publish(json.stream_key)
  await (await claimBroadcast(gateway.url, streamId)).encode(session, 20)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const headersOf = (who: TestUser) => ({
  cookie: cookieOf(who),
})
const send = async (path: string, form: Record<string, string>, headers: Record<string, string>) => {
  const init = { method: 'POST', body: new URLSearchParams(form), headers, redirect: 'manual' } as const
  const answer = await fetch(gateway.url + path, init)
  return { status: answer.status, location: answer.headers.get('location'), html: await answer.text() }
}
const read = async (path: string, who?: TestUser) => {
  const answer = await fetch(gateway.url + path, { headers: who === undefined ? {} : headersOf(who) })
  return answer.text()
}

it('a form cuts the last seconds of a broadcast, without scripts, and leads to the clip', async () => {
  const own = { ...headersOf(ben), origin: gateway.url }
  const form = { duration: '15', start: '', title: ' ' }
  const { status, location } = await send(`/watch/${streamId}/clip`, form, own)
  expect([status, location]).toEqual([303, expect.stringMatching(/^\.\.\/\.\.\/clips\/[0-9a-f-]{36}$/)])
  const path = location?.slice('../..'.length) ?? ''
  expect(await read(path)).toMatch(/The clip is being cut[\s\S]*A show[\s\S]*Clipped by <a href="\.\.\/@ben"/)
  expect(await read(path)).not.toContain('Delete it now')
  for (const who of [ben, anna]) expect(await read(path, who)).toContain('Delete it now')
  expect(await read('/@anna', ben)).toContain('The clip is being cut')
  expect(await read('/@anna')).not.toContain('The clip is being cut')
})

it('its maker renames a clip and deletes it by forms', async () => {
  const own = { ...headersOf(ben), origin: gateway.url }
  const id = await orderClip(gateway, ben, { streamId, outcome: { status: 'ready', file_size: 5_000_000 } })
  const page = await read(`/clips/${id}`)
  expect(page).toMatch(/<video[\s\S]*src="\.\.\/live\/[\s\S]*Download \(5 MB\)/)
  expect(page).not.toContain('data-refresh="?part=film"')
  expect(page).toContain('data-refresh="?part=about" data-every="2"')
  expect(await send(`/clips/${id}`, { form: 'title', title: 'Better' }, own)).toMatchObject({
    status: 303,
    location: id,
  })
  expect(await read(`/clips/${id}?part=film`)).toContain('aria-label="Clip: Better"')
  const about = await read(`/clips/${id}?part=about`)
  expect(about).toMatch(
    /^<div data-area="title"><h1>Better<[\s\S]*data-area="download"><a[\s\S]*data-area="reason"><\/div>$/,
  )
  const stranger = { ...headersOf(anna), origin: gateway.url }
  expect((await send(`/clips/${id}`, { form: 'title', title: 'Worse' }, stranger)).status).toBe(403)
  expect(await send(`/clips/${id}`, { form: 'delete' }, own)).toMatchObject({ status: 303, location: '../@anna' })
  expect(await read(`/clips/${id}`)).not.toContain('Better')
})

it('a form that cannot be granted says why, in the language of the viewer', async () => {
  const own = { ...headersOf(ben), origin: gateway.url }
  const cut = (form: object) => send(`/watch/${streamId}/clip`, { duration: '30', start: '', title: '', ...form }, own)
  const far = await cut({ start: '-60' })
  expect([far.status, far.html.includes('This part is not stored.')]).toEqual([400, true])
  const long = await cut({ title: 'x'.repeat(256) })
  expect(long.html).toContain('Enter up to 255 characters')
  const japanese = await send(`/watch/${streamId}/clip?lang=ja`, { duration: '90' }, own)
  expect(japanese.html).toContain('この部分は保存されていません')
})

it('a visitor is led to sign in, and no other site can make a browser clip', async () => {
  const page = await read(`/watch/${streamId}`)
  expect(page).toContain(`href="../sign-in?next=watch%2F${streamId}" data-clip`)
  const form = { duration: '15' }
  const evil = await send(`/watch/${streamId}/clip`, form, { ...headersOf(ben), origin: 'https://evil.example' })
  expect(evil.status).toBe(403)
})

it('a visitor who has filled in the form comes back to it from signing in, with what is filled in', async () => {
  const form = { key: 'x', duration: '15', start: '-60', title: 'A <b> & "c"' }
  const visitor = await send(`/watch/${streamId}/clip`, form, {})
  expect(visitor.status).toBe(303)
  const signIn = new URL(visitor.location ?? '', `${gateway.url}/watch/${streamId}/clip`)
  expect(signIn.pathname).toBe('/sign-in')
  const login = { next: signIn.searchParams.get('next') ?? '', login: 'ben', password: 'correct horse battery' }
  const { status, location } = await send('/sign-in', login, { origin: gateway.url })
  expect(status).toBe(303)
  const page = await read(`/${location}`, ben)
  expect(page).toMatch(/<option value="15" selected/)
  expect(page).toContain('value="A &lt;b&gt; &amp; &quot;c&quot;"')
  expect(page).toMatch(/name="start" value=""/)
  expect(page).not.toContain('value="x"')
  const [, japanese = ''] = /href="(\?[^"]*lang=ja)"/.exec(page) ?? []
  expect(await read(`/watch/${streamId}/clip${japanese.replaceAll('&amp;', '&')}`, ben)).toContain('A &lt;b&gt; &amp;')
  const long = await send(`/watch/${streamId}/clip`, { ...form, title: 'あ'.repeat(1000) }, {})
  expect(long.location).toBe(`../../sign-in?next=watch%2F${streamId}%2Fclip`)
  expect((await fetch(`${gateway.url}/watch/${streamId}/clip`, { redirect: 'manual' })).headers.get('location')).toBe(
    `../../sign-in?next=watch%2F${streamId}%2Fclip`,
  )
  expect((await fetch(`${gateway.url}/watch/0/clip`, { headers: headersOf(ben) })).status).toBe(404)
})

it('a form that is sent twice cuts one clip, and another one where its user has changed it', async () => {
  const own = { ...headersOf(ben), origin: gateway.url }
  const key = /name="key" value="([^"]+)"/.exec(await read(`/watch/${streamId}`, ben))?.[1] ?? ''
  expect(key).toMatch(/^[0-9a-f-]{36}$/)
  const cut = async (more: object) =>
    (await send(`/watch/${streamId}/clip`, { key, duration: '10', start: '', title: 'Twice', ...more }, own)).location
  // The page's script counts the begin back from the newest picture anew.
  const [first, second] = await Promise.all([cut({}), cut({ start: '-20' })])
  expect([first, second]).toEqual([expect.stringContaining('/clips/'), first])
  const others = [await cut({ title: 'Other' }), await cut({ duration: '15' }), await cut({ key: `${key}+` })]
  expect(new Set([first, ...others]).size).toBe(4)
})
