import { describe, expect, onTestFinished, test } from 'vitest'

import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { createFetcher } from '../../platform/http.ts'
import type { RepresentationChoice, TrackSelection } from '../stream.ts'
import { createDashSource } from './dash-source.ts'

type Answer = number | string | { readonly body: string; readonly headers: Readonly<Record<string, string>> }

const NOW_MS = Date.UTC(2026, 0, 1)
const V1 = { id: 'v', tracks: 'picture' } as const
const SET = (source: string) =>
  `<AdaptationSet mimeType="video/mp4">${source}<Representation id="v"/></AdaptationSet><AdaptationSet mimeType="audio/mp4">${source}<Representation id="a"/></AdaptationSet>`
const NUMBERS = '<SegmentTemplate media="$Number$.m4s" duration="2"/>'
const TIMELINE =
  '<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S t="0" d="2"/></SegmentTimeline></SegmentTemplate>'

/** Makes an MPD whose presentation began so many seconds before `NOW_MS`. */
function mpd(inside: string, { ageSec = 20, updateSec = 2 } = {}): string {
  const start = new Date(NOW_MS - ageSec * 1000).toISOString()
  return `<MPD type="dynamic" availabilityStartTime="${start}" minimumUpdatePeriod="PT${updateSec}S">${inside}</MPD>`
}

/** Starts a server with these answers, and a source whose clock stands at `clock.nowMs`. */
async function startSource(answers: Record<string, Answer>) {
  const requested: string[] = []
  const server = await startLocalServer(async ({ url = '' }, response) => {
    requested.push(url)
    const answer = answers[url] ?? 404
    // By default it has no time of its own.
    response.sendDate = false
    if (typeof answer === 'number') response.writeHead(answer).end()
    else if (typeof answer === 'string') response.end(answer)
    else response.writeHead(200, answer.headers).end(answer.body)
  })
  const proxies = { http: null, https: null, bypass: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks: true }, proxies })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const clock = { nowMs: NOW_MS }
  const source = createDashSource({ fetcher, timeouts: { manifestMs: 5000 }, nowMs: () => clock.nowMs })
  const signal = new AbortController().signal
  const fetch = (representation: RepresentationChoice = V1, tracks: TrackSelection = 'both') =>
    source.fetchPlaylist({ url: `${server.origin}/live.mpd`, tracks }, representation, signal)
  const newest = async () => {
    const fetched = await fetch()
    return fetched.kind === 'ok' ? (fetched.playlist.segments.at(-1)?.sequence ?? null) : fetched.failure.message
  }
  return { origin: server.origin, answers, requested, clock, fetch, newest }
}

describe('an MPD', () => {
  test('is fetched once for the polls of both renditions at the same time, and anew for later ones', async () => {
    const { fetch, requested, clock } = await startSource({ '/live.mpd': mpd(`<Period>${SET(TIMELINE)}</Period>`) })
    const both = await Promise.all([fetch(V1), fetch({ id: 'a', tracks: 'sound' })])
    expect(both).toMatchObject([{ kind: 'ok' }, { kind: 'ok' }])
    expect(requested).toEqual(['/live.mpd'])
    clock.nowMs += 1000
    await fetch()
    expect(requested).toHaveLength(2)
  })

  test('is used again where the time alone decides on the segments, as long as it says', async () => {
    const { newest, requested, clock } = await startSource({ '/live.mpd': mpd(`<Period>${SET(NUMBERS)}</Period>`) })
    expect(await newest()).toBe(10)
    clock.nowMs += 1990
    expect(await newest()).toBe(10)
    clock.nowMs += 9
    expect(requested).toHaveLength(1)
    clock.nowMs += 1
    expect(await newest()).toBe(11)
    expect(requested).toHaveLength(2)
  })

  test('is fetched from its Location, and from its first URL where that does not answer', async () => {
    const text = mpd(`<Location>/moved/live.mpd</Location><BaseURL>/media/</BaseURL><Period>${SET(TIMELINE)}</Period>`)
    const { fetch, requested, answers, clock } = await startSource({ '/live.mpd': text, '/moved/live.mpd': text })
    await fetch()
    clock.nowMs += 1000
    await fetch()
    answers['/moved/live.mpd'] = 410
    clock.nowMs += 1000
    expect(await fetch()).toMatchObject({ kind: 'ok' })
    expect(requested).toEqual(['/live.mpd', '/moved/live.mpd', '/moved/live.mpd', '/live.mpd'])
  })

  test('that is older than the one before it is a copy of a cache, unless there are only such ones for 30 s', async () => {
    const numbered = (count: number) =>
      `<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S t="0" d="2" r="${count - 1}"/></SegmentTimeline></SegmentTemplate>`
    const published = (sec: number, count: number) => {
      const at = new Date(NOW_MS + sec * 1000).toISOString()
      return mpd(`<Period>${SET(numbered(count))}</Period>`).replace('<MPD', `<MPD publishTime="${at}"`)
    }
    const { newest, answers, clock } = await startSource({ '/live.mpd': published(10, 5) })
    expect(await newest()).toBe(5)
    answers['/live.mpd'] = published(8, 4)
    clock.nowMs += 1000
    expect(await newest()).toBe(5)
    answers['/live.mpd'] = published(12, 6)
    clock.nowMs += 1000
    expect(await newest()).toBe(6)
    answers['/live.mpd'] = published(2, 3)
    clock.nowMs += 29_000
    expect(await newest()).toBe(6)
    clock.nowMs += 1000
    expect(await newest()).toBe(3)
  })

  test('that is missing or cannot be read is a failure, and so is a segment index', async () => {
    const { fetch, answers, clock } = await startSource({})
    expect(await fetch()).toMatchObject({ kind: 'failed', failure: { status: 404 } })
    answers['/live.mpd'] = '<MPD>'
    expect(await fetch()).toMatchObject({ failure: { message: 'the answer is XML that is cut short' } })
    const indexed = '<SegmentBase indexRange="0-9"/>'
    answers['/live.mpd'] = `<MPD><Period><BaseURL>f.mp4</BaseURL>${SET(indexed)}</Period></MPD>`
    expect(await fetch()).toMatchObject({ failure: { message: 'segment index: HTTP 404' } })
    answers['/f.mp4'] = 'no index here'
    clock.nowMs += 1000
    expect(await fetch()).toMatchObject({ failure: { message: 'the segment index cannot be read' } })
  })

  test('that becomes static has ended, and keeps the times that it had', async () => {
    const { fetch, answers, clock } = await startSource({ '/live.mpd': mpd(`<Period>${SET(TIMELINE)}</Period>`) })
    const first = await fetch()
    clock.nowMs += 1000
    answers['/live.mpd'] = `<MPD type="static"><Period duration="PT2S">${SET(TIMELINE)}</Period></MPD>`
    const times = { sequence: 1, programDateTimeMs: NOW_MS - 20_000 }
    expect(first).toMatchObject({ playlist: { isEnded: false, segments: [times] } })
    expect(await fetch()).toMatchObject({ playlist: { isEnded: true, segments: [times] } })
  })

  test('ranks its renditions anew once a segment of a period with other tracks is listed', async () => {
    const mute = `<Period id="mute"><AdaptationSet mimeType="video/mp4">${NUMBERS}<Representation id="v"/></AdaptationSet></Period>`
    const whole = `<Period id="whole" start="PT20S">${SET(NUMBERS)}</Period>`
    const { fetch, clock } = await startSource({ '/live.mpd': mpd(mute + whole, { ageSec: 21 }) })
    const choicesOf = async (tracks: TrackSelection) => {
      const fetched = await fetch(V1, tracks)
      return fetched.kind === 'ok' && (fetched.choices ?? []).map((choice) => choice.map((each) => each.tracks))
    }
    expect(await choicesOf('both')).toEqual([])
    // The picture whose sound is another rendition has none in the period without a sound.
    expect(await choicesOf('picture')).toEqual([['both']])

    clock.nowMs += 1000
    expect(await choicesOf('both')).toEqual([['picture', 'sound']])
    expect(await choicesOf('picture')).toEqual([])
  })

  test.each([
    ['that lists new segments more often than its update period says has them at their own pace', 2, 2],
    ['that is renewed as seldom as its update period says has them at that pace', 16, 15],
  ])('%s', async (_, stepSec, targetSec) => {
    const answers: Record<string, Answer> = {}
    const { fetch, clock } = await startSource(answers)
    const targets: number[] = []
    for (let sec = 0; sec <= 96; sec += 2) {
      const repeat = Math.floor(sec / stepSec) * (stepSec / 2)
      const timeline = `<SegmentTemplate media="$Number$"><SegmentTimeline><S t="0" d="2" r="${repeat}"/></SegmentTimeline></SegmentTemplate>`
      answers['/live.mpd'] = mpd(`<Period>${SET(timeline)}</Period>`, { ageSec: 20, updateSec: 15 })
      const fetched = await fetch()
      if (fetched.kind === 'ok') targets.push(fetched.playlist.targetDurationSec)
      clock.nowMs += 2000
    }
    expect([targets[0], targets.at(-1)]).toEqual([15, targetSec])
  })

  test('that is protected has segments that only licensed players decrypt', async () => {
    const locked = `<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs"/>${TIMELINE}`
    const { fetch } = await startSource({ '/live.mpd': mpd(`<Period>${SET(locked)}</Period>`) })
    const encryption = { kind: 'drm', method: 'cbcs' }
    for (const each of [V1, { id: 'a', tracks: 'sound' } as const]) {
      expect(await fetch(each)).toMatchObject({ playlist: { segments: [{ encryption }] } })
    }
  })
})

describe('the server’s clock', () => {
  const timed = (scheme: string, value: string) =>
    mpd(`<UTCTiming schemeIdUri="urn:mpeg:dash:utc:${scheme}:2014" value="${value}"/><Period>${SET(NUMBERS)}</Period>`)
  const inTenSeconds = new Date(NOW_MS + 10_000)

  test.each([
    ['direct', inTenSeconds.toISOString()],
    ['http-iso', '/gone /time'],
    ['http-xsdate', '/time'],
    ['http-head', '/head'],
  ])('is that of UTCTiming %s', async (scheme, value) => {
    const headers = { date: inTenSeconds.toUTCString() }
    const { newest } = await startSource({
      '/live.mpd': timed(scheme, value),
      '/time': `${inTenSeconds.toISOString()}\n`,
      '/head': { body: '', headers },
    })
    expect(await newest()).toBe(15)
  })

  test('is that of the Date header without UTCTiming, or where that fails, unless it is about the same', async () => {
    const answer = (body: string, offsetMs: number, age = '0') => ({
      body,
      headers: { date: new Date(NOW_MS + offsetMs).toUTCString(), age },
    })
    const plain = mpd(`<Period>${SET(NUMBERS)}</Period>`)
    const newestBy = async (text: Answer) => (await startSource({ '/live.mpd': text })).newest()
    expect(await newestBy(answer(plain, 20_000))).toBe(20)
    expect(await newestBy(answer(plain, -10_000, '30'))).toBe(20)
    expect(await newestBy(answer(plain, 4000))).toBe(10)
    expect(await newestBy(answer(timed('http-iso', '/gone'), 20_000))).toBe(20)
  })
})
