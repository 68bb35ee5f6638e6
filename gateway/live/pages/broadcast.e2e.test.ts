import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { findFreePort } from '../../adapters/http/free-port.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'
import { waitForIngest } from '../testing/ingest-address.ts'
import { findBarriers, watchPage } from './testing/inspect-page.ts'

const SEGMENT_FRAMES = '30'

/** An encoder that publishes a test picture with a tone until it is stopped, or the platform ends it. */
type Encoder = AsyncDisposable & {
  /** Resolves with what it says when the platform ends it. */
  readonly ended: Promise<string>
}

function startEncoder(target: string): Encoder {
  const stop = new AbortController()
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=15', '-f', 'lavfi', '-i', 'sine=sample_rate=48000']
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p']
  const rate = ['-g', SEGMENT_FRAMES, '-b:v', '300k', '-c:a', 'aac', '-b:a', '64k']
  const args = ['-v', 'error', '-re', ...inputs, ...video, ...rate, '-f', 'flv', target]
  const ended = runFfmpeg('ffmpeg', args, { timeoutMs: 2 * PATIENCE_MS, signal: stop.signal }).then(
    () => 'it has ended by itself',
    (error: unknown) => String(error),
  )
  return {
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}

/** Creates a broadcast in the studio as a new user; returns where its encoder publishes. */
async function createBroadcast(page: Page, origin: string): Promise<string> {
  await page.goto(`${origin}/register?next=studio/new`)
  await page.getByLabel('Username').fill('caster')
  await page.getByLabel('E-mail address').fill('caster@example.org')
  await page.getByLabel('Password').fill('a long passphrase')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByLabel('Title').fill('For the whole world')
  await page.getByRole('button', { name: 'Create broadcast' }).click()
  const [server = '', key = ''] = await page.locator('.copy code').allTextContents()
  return `${server}/${key}`
}

const positionOf = (page: Page) => page.evaluate<number>('document.querySelector("video")?.currentTime ?? 0')

/** Resolves once the picture has gone on by a second. */
async function expectPlaying(page: Page): Promise<void> {
  const from = await positionOf(page)
  await expect.poll(() => positionOf(page)).toBeGreaterThan(from + 1)
}

/** Cuts a clip of the broadcast that a page shows, watches it, and leads the page back. */
async function clipLastSeconds(page: Page, origin: string): Promise<void> {
  const watch = page.url()
  const playlist = `${origin}/live/${watch.split('/').at(-1)}/180.m3u8`
  const storedSec = async () => {
    const text = await (await fetch(playlist)).text()
    return [...text.matchAll(/^#EXTINF:([\d.]+)/gm)].reduce((sum, [, sec]) => sum + Number(sec), 0)
  }
  await expect.poll(storedSec).toBeGreaterThan(11)
  await page.getByText('Clip', { exact: true }).click()
  expect(await findBarriers(page)).toEqual([])
  await page.getByLabel('Length').selectOption('90 seconds')
  await page.getByRole('button', { name: 'Create clip' }).click()
  await page.getByText('This part is not stored.').waitFor()
  expect(await findBarriers(page)).toEqual([])
  await page.getByLabel('Length').selectOption('10 seconds')
  await page.getByRole('button', { name: 'Create clip' }).click()
  await page.waitForURL(/\/clips\//)
  await page.locator('video').waitFor()
  const film = () => page.evaluate<number>('document.querySelector("video")?.duration ?? 0')
  await expect.poll(film).toBeCloseTo(10, 0)
  await page.evaluate('document.querySelector("video").play()')
  await expectPlaying(page)
  await page.goto(watch)
  await page.locator('.badge-live').waitFor()
}

test('a broadcast is watched and clipped from its start, over a lost encoder, to its end, and again from the beginning', async () => {
  const port = await findFreePort(null)
  await using system = await startWholeSystem({ INGEST_WORKERS: '1', RTMP_PORT: String(port), LIVE_LADDER: '180:300' })
  const { origin } = system.gateway()
  await using browser = await startBrowser()
  await using context = await browser.newContext()
  context.setDefaultTimeout(PATIENCE_MS)
  await waitForIngest(async () => `rtmp://127.0.0.1:${port}/live`)
  const [studio, viewer] = [await context.newPage(), await context.newPage()]
  const complaints = [studio, viewer].map(watchPage)
  const target = await createBroadcast(studio, origin)
  await viewer.goto(studio.url().replace('/studio/', '/watch/'))
  await viewer.getByRole('heading', { name: 'Not started yet' }).waitFor()

  await during(startEncoder(target), async () => {
    await viewer.locator('.badge-live').waitFor()
    await expectPlaying(viewer)
    await viewer.getByText('1 viewer', { exact: true }).or(viewer.getByText('2 viewers')).waitFor()
    await studio.getByText('All is well.').waitFor()
    await studio.locator('[data-lane="bitrate"][data-judgement="good"]').waitFor()
    expect(await studio.locator('[data-fact="video"]').textContent()).toBe('320×180 h264')
  })
  const ribbon = viewer.getByText("The broadcaster's connection is lost. It goes on by itself.").locator('visible=true')
  await ribbon.first().waitFor()
  await studio.getByText('No encoder sends.').waitFor()

  await during(startEncoder(target), async ({ ended }) => {
    await viewer.locator('.badge-live').waitFor()
    await viewer.locator('.ribbon').waitFor({ state: 'hidden' })
    await expectPlaying(viewer)
    await clipLastSeconds(viewer, origin)
    await studio.getByText('End broadcast').click()
    await studio.getByRole('button', { name: 'End it now' }).click()
    await studio.getByText('This broadcast has ended.').waitFor()
    expect(await ended).toContain('the broadcast has ended')
  })
  await viewer.getByRole('button', { name: 'Watch from the beginning' }).press('Enter')
  await expect.poll(() => positionOf(viewer)).toBeGreaterThan(1)
  expect(await viewer.evaluate('document.activeElement.localName')).toBe('media-controller')
  expect(await positionOf(viewer)).toBeLessThan(10)
  expect(complaints.flatMap(({ lines }) => lines)).toEqual([])
  expect(new Set(complaints.flatMap(({ origins }) => [...origins]))).toEqual(new Set([origin]))
})

/** Runs an action while a resource is in use. */
async function during<Used extends AsyncDisposable>(resource: Used, act: (used: Used) => Promise<void>): Promise<void> {
  await using used = resource
  await act(used)
}
