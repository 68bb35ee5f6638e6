import type { Browser, Page } from 'playwright-core'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { medianOf } from '../../demo/live-summary.ts'
import { seedChats } from '../../live/testing/seed-chat.ts'
import type { BenchResult } from '../result-table.ts'
import { startBenchSystem } from '../system.ts'

const LOADS = 7
const LIMITS = { paintMs: 500, interactionMs: 100 }

/** Measures the first paint of pages in a browser without a cache, and how long a key press takes to show. */
export async function benchPages(): Promise<BenchResult[]> {
  await using system = await startBenchSystem({
    separateDatabase: true,
    env: { INGEST_WORKERS: '0', LIVE_WATCHDOG: 'false' },
  })
  const { databaseUrl, keys, origin } = system
  const seeded = await seedChats({ databaseUrl, internalKey: keys.INTERNAL_API_KEY }, { chats: 1, writers: 1 })
  const [streamId = '', token = ''] = [seeded.streamIds[0], seeded.tokens[0]]
  const browser = await startBrowser()
  try {
    const measured: PageTimes[] = []
    for (const path of ['/', `/watch/${streamId}`, `/studio/${streamId}`]) {
      // The first one compiles what the gateway needs for it.
      await loadPage(browser, { origin, token, path })
      for (let i = 0; i < LOADS; i++) measured.push(await loadPage(browser, { origin, token, path }))
    }
    return [
      timeRow(
        'first contentful paint of the home page, a watch page and the studio, without a cache, median',
        medianOf(measured.map(({ paintMs }) => paintMs)),
        LIMITS.paintMs,
      ),
      timeRow('the slowest of them', Math.max(...measured.map(({ paintMs }) => paintMs)), LIMITS.paintMs),
      timeRow(
        'a key press until it shows there, the slowest',
        Math.max(...measured.map(({ interactionMs }) => interactionMs)),
        LIMITS.interactionMs,
      ),
    ]
  } finally {
    await browser.close()
  }
}

function timeRow(name: string, ms: number, limitMs: number): BenchResult {
  return { name, ours: `${ms.toFixed(0)} ms`, compared: `limit: ${limitMs} ms`, ratio: ms / limitMs, goal: '≤ 1' }
}

type PageLoad = { readonly origin: string; readonly token: string; readonly path: string }
type PageTimes = { readonly paintMs: number; readonly interactionMs: number }

/** Opens a page as a browser does that was never there. */
async function loadPage(browser: Browser, { origin, token, path }: PageLoad): Promise<PageTimes> {
  const context = await browser.newContext()
  await context.addCookies([{ name: 'tallylight_session', value: token, url: origin }])
  const page = await context.newPage()
  await page.goto(origin + path, { waitUntil: 'load' })
  const paintMs = await page.evaluate<number>(READ_PAINT)
  const interactionMs = await pressTab(page)
  await context.close()
  return { paintMs, interactionMs }
}

const READ_PAINT = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName('first-contentful-paint')
    if (paint !== undefined) resolve(paint.startTime)
  }).observe({ type: 'paint', buffered: true })
})`

/** Returns the time until the next paint after a key press that moves the focus, in ms. */
async function pressTab(page: Page): Promise<number> {
  await page.evaluate(`
    void (window.pressed = new Promise((resolve) => {
      addEventListener('keydown', (event) => {
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - event.timeStamp)))
      }, { once: true })
    }))`)
  await page.keyboard.press('Tab')
  return page.evaluate<number>('window.pressed')
}
