import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import type { Page } from 'playwright-core'

import { PATIENCE_MS, until } from '../../../../shared/testing/until.ts'
import { runFfmpeg } from '../../../../shared/testing/run-ffmpeg.ts'
import type { Json } from '../../../testing/test-gateway.ts'
import type { WholeSystem } from '../../../testing/whole-system.ts'
import type { Subject } from './gallery.ts'

/** A platform with broadcasts in every state, and the pages that show them. */
export type Stage = AsyncDisposable & {
  readonly crowded: readonly Subject[]
  /** Stops the encoder of a broadcast; returns the pages that show it. */
  loseEncoder(): Promise<readonly Subject[]>
  /** Ends that broadcast, so that one is left; returns the pages that show both. */
  endLost(): Promise<readonly Subject[]>
}

/** Pictures of broadcasts: sources of ffmpeg. */
const PICTURES = {
  synth: 'gradients=s=960x540:r=15:d=10:c0=0x1b1035:c1=0xd1495b:c2=0xedae49:c3=0x2e4057:n=4:speed=0.02',
  river: 'gradients=s=960x540:r=15:d=10:c0=0x05204a:c1=0x3fa7d6:c2=0x59cd90:c3=0x0b132b:n=4:speed=0.03:seed=7',
  cells:
    'life=s=320x180:r=15:mold=10:ratio=0.12:death_color=0x16324f:life_color=0x7bdff2:mold_color=0x0b132b,scale=960:540:flags=neighbor',
} as const
type Picture = keyof typeof PICTURES

const CLIP_SEC = '10'
const FFMPEG = { timeoutMs: 3_600_000 } as const

/** Encodes each picture once, so that a broadcast of it costs nothing. */
async function makeClips(dir: string): Promise<void> {
  for (const [name, source] of Object.entries(PICTURES)) {
    const inputs = ['-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', 'sine=220:r=48000,volume=0.2', '-t', CLIP_SEC]
    const video = [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-pix_fmt',
      'yuv420p',
      '-bf',
      '0',
      '-g',
      '30',
      '-b:v',
      '1200k',
    ]
    const sound = ['-c:a', 'aac', '-b:a', '96k']
    await runFfmpeg(
      'ffmpeg',
      ['-nostdin', '-v', 'error', ...inputs, ...video, ...sound, join(dir, `${name}.mp4`)],
      FFMPEG,
    )
  }
}

/** Publishes a picture with a tone until it is stopped. */
function publish(dir: string, picture: Picture, target: string): AsyncDisposable {
  const stop = new AbortController()
  const input = ['-re', '-stream_loop', '-1', '-i', join(dir, `${picture}.mp4`), '-c', 'copy', '-f', 'flv', target]
  const ended = runFfmpeg('ffmpeg', ['-nostdin', '-v', 'error', ...input], { ...FFMPEG, signal: stop.signal }).catch(
    () => undefined,
  )
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}

type Account = { readonly name: string; readonly token: string }
type ApiCall = (call: string, body?: object) => Promise<Json>

/** Returns a caller of the API with the session of an account. */
function callAs(system: WholeSystem, who: Account | null): ApiCall {
  const headers: Record<string, string> = who === null ? {} : { authorization: `Bearer ${who.token}` }
  return async (call, body) => {
    const [method = '', path = ''] = call.split(' ')
    const { status, json } = await system.api(method, `/api/v1${path}`, body, headers)
    if (status >= 300) throw new Error(`${call} was answered ${status}: ${JSON.stringify(json)}`)
    return json
  }
}

async function signUp(system: WholeSystem, name: string): Promise<Account> {
  const call = callAs(system, null)
  const password = 'a long passphrase'
  await call('POST /auth/register', { username: name, email: `${name}@example.org`, password })
  const { token } = await call('POST /auth/login', { login: name, password })
  return { name, token }
}

/** An empty platform with one account, and the pages that show nothing yet. */
export type EmptyStage = { readonly owner: Account; readonly subjects: readonly Subject[] }

/** Creates an account on an empty platform. */
export async function makeEmptyStage(system: WholeSystem): Promise<EmptyStage> {
  const owner = await signUp(system, 'anna')
  const { token } = owner
  const subjects = [
    { name: 'home-empty', path: '', token: null },
    { name: 'sign-in', path: 'sign-in', token: null },
    { name: 'register', path: 'register', token: null },
    { name: 'studio-empty', path: 'studio', token },
    { name: 'channel-empty', path: '@anna', token: null },
    { name: 'channel-empty-own', path: '@anna', token },
    { name: 'settings', path: 'settings', token },
    { name: 'studio-new', path: 'studio/new', token },
    { name: 'not-found', path: 'nothing/here', token: null },
    { name: 'watch-not-found', path: 'watch/0', token: null },
    { name: 'guides', path: 'docs/guides', token: null },
  ]
  return { owner, subjects }
}

type Broadcast = { readonly id: string; readonly target: string }

async function create(call: ApiCall, body: object): Promise<Broadcast> {
  const json = await call('POST /streams', body)
  return { id: json.stream_id, target: `${json.ingest.rtmp_url}/${json.stream_key}` }
}

/** Resolves once a broadcast plays and has a picture. */
async function waitForPicture(call: ApiCall, { id }: Broadcast): Promise<void> {
  await until(async () => (await call(`GET /streams/${id}`)).poster_url !== null, 'the broadcast has a picture')
}

const SYNTHS = {
  title: 'Sunday jam: modular synths until the patch cables run out',
  description:
    'Three racks, one mixer, no plan. Requests in the first hour, a long drone in the second.\n\nGear: Plaits, Rings, Clouds, and a tape echo.',
  category: 'Music',
  tags: ['modular', 'ambient', 'live set'],
}

const PLANNED = { title: 'Night shift: soldering together', category: 'Making' }
const CELLS = { title: '生命のかたち：セル・オートマトンの夜', category: 'Science' }
const DAY_MS = 86_400_000
/** Length of a chapter, in ms. */
const CHAPTER_MS = 6000

/** Makes a recording with chapters. */
async function record(call: ApiCall, dir: string): Promise<Pick<StageIds, 'archive' | 'ended'>> {
  const show = await create(call, {
    title: 'Opening: the river at dawn',
    category: 'Travel',
    description: 'A walk along the river.',
  })
  {
    await using _encoder = publish(dir, 'river', show.target)
    await waitForPicture(call, show)
    for (const title of ['The old mill', 'Across the bridge and up the hill', 'The river, from dawn to noon']) {
      await wait(CHAPTER_MS)
      await call(`PATCH /streams/${show.id}`, { title })
    }
    await wait(CHAPTER_MS)
    await call(`PUT /streams/${show.id}/end`)
  }
  const find = async () =>
    (await call('GET /archives')).archives.find((one: Json) => one.stream_id === show.id && one.status !== 'processing')
  await until(async () => (await find()) !== undefined, 'the recording is made')
  return { archive: (await find()).archive_id, ended: show.id }
}

/** The broadcasts and the recording of a stage, by their ids. */
type StageIds = {
  readonly ready: string
  readonly planned: string
  readonly live: string
  readonly ended: string
  readonly archive: string
}

/** Returns the pages of a platform with broadcasts in every state. */
function crowdedPages({ ready, planned, live, ended, archive }: StageIds, token: string): readonly Subject[] {
  const open = { token: null }
  const mounted = { ready: 'media-controller' }
  return [
    { name: 'home', path: '', ...open },
    { name: 'home-category', path: '?category=Music', token },
    { name: 'home-nothing-found', path: '?q=nothing+of+the+kind', ...open },
    { name: 'home-search', path: '?q=river', ...open },
    { name: 'home-preview', path: '', ...open, act: (page) => hover(page, '[data-preview]') },
    { name: 'watch-live', path: `watch/${live}`, ...open, ready: PLAYING },
    { name: 'watch-planned', path: `watch/${planned}`, ...open },
    { name: 'watch-ready', path: `watch/${ready}`, token },
    { name: 'watch-ended', path: `watch/${ended}`, ...open, ...mounted },
    { name: 'recording', path: `archives/${archive}?t=12`, ...open, ...mounted, act: (page) => hover(page, '.screen') },
    { name: 'channel', path: '@anna', ...open },
    { name: 'studio', path: 'studio', token },
    { name: 'studio-live', path: `studio/${live}`, token, ready: '.preview-player' },
    { name: 'studio-ready', path: `studio/${ready}`, token },
    { name: 'studio-ended', path: `studio/${ended}`, token, ready: '.preview-player' },
    {
      name: 'studio-confirm',
      path: `studio/${ready}`,
      token,
      act: (page) => page.locator('.page-head summary').click(),
    },
  ]
}

/** Makes broadcasts in every state. */
export async function prepareStage(system: WholeSystem, { owner }: EmptyStage): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-stage-'))
  await makeClips(dir)
  const { token } = owner
  const call = callAs(system, owner)
  const guest = callAs(system, await signUp(system, 'kenji-no-heya'))
  const ready = await create(call, { title: 'Rehearsal', visibility: 'private' })
  const planned = await create(call, { ...PLANNED, scheduled_for: new Date(Date.now() + DAY_MS).toISOString() })
  const recording = await record(call, dir)
  const [synths, cells] = [await create(call, SYNTHS), await create(guest, CELLS)]
  const encoders = [publish(dir, 'synth', synths.target), publish(dir, 'cells', cells.target)] as const
  await Promise.all([waitForPicture(call, synths), waitForPicture(guest, cells)])
  return {
    crowded: crowdedPages({ ...recording, ready: ready.id, planned: planned.id, live: synths.id }, token),
    async loseEncoder() {
      await encoders[1][Symbol.asyncDispose]()
      await until(async () => (await guest(`GET /streams/${cells.id}`)).state === 'reconnecting', 'the encoder is gone')
      return [{ name: 'watch-reconnecting', path: `watch/${cells.id}`, token: null, ready: '.ribbon:visible' }]
    },
    async endLost() {
      await guest(`PUT /streams/${cells.id}/end`)
      await until(async () => (await guest('GET /streams?state=ended')).streams.length > 1, 'it has ended')
      return [
        { name: 'home-featured', path: '', token },
        { name: 'channel-live', path: '@anna', token },
      ]
    },
    async [Symbol.asyncDispose]() {
      for (const encoder of encoders) await encoder[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const PLAYING = 'media-controller[mediahasplayed]'
const SETTLED_MS = 1500

/** Rests the pointer on an element until its picture moves. */
async function hover(page: Page, selector: string): Promise<void> {
  await page.locator(selector).first().hover()
  await page.locator(`${selector} video`).first().waitFor({ state: 'attached', timeout: PATIENCE_MS })
  await page.waitForTimeout(SETTLED_MS)
}
