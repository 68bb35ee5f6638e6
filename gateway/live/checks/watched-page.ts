import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import * as v from 'valibot'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { COUNTER_BITS, describeSquare } from '../../../shared/testing/frame-counter.ts'
import type { CheckedBroadcast, CheckedProduct } from './product.ts'
import type { ShownPicture, Viewing, ViewingEvent } from './viewing.ts'

/** The watch page of a broadcast in Chromium, as a viewer has it open. */
export type WatchedPage = AsyncDisposable & {
  readonly page: Page
  /** Returns what it has shown so far. */
  readViewing(): Promise<Viewing>
  /** Returns the number of the newest picture; −1 before the first one. */
  readNewest(): Promise<number>
  /** Returns whether the page was not loaded again since it was opened. */
  isSamePage(): Promise<boolean>
  /** Returns the error that lies over the picture; empty where there is none. */
  readProblem(): Promise<string>
}

const OBSERVER = fileURLToPath(new URL('browser/observe-video.ts', import.meta.url))
/** Heights do not matter: squares are shares of the picture. */
const [WIDTH, HEIGHT] = [640, 360]

const Sightings = v.object({
  pictures: v.array(v.tuple([v.number(), v.number(), v.number()])),
  events: v.array(v.object({ type: v.string(), atMs: v.number() })),
})

/** Opens the watch page of a broadcast as a viewer who is not signed in. Dispose closes the browser. */
export async function openWatchPage(product: CheckedProduct, { id }: CheckedBroadcast): Promise<WatchedPage> {
  const browser = await startBrowser()
  try {
    const page = await browser.newPage()
    await page.addInitScript({ content: await bundleObserver() })
    await page.goto(`${product.origin}/watch/${id}`)
    await page.evaluate('window.isFirst = true')
    return followPage(browser, page)
  } catch (error) {
    await browser.close()
    throw error
  }
}

function followPage(browser: Browser, page: Page): WatchedPage {
  const pictures: ShownPicture[] = []
  const events: ViewingEvent[] = []
  async function readViewing(): Promise<Viewing> {
    const taken = v.parse(Sightings, await page.evaluate('takeSightings()'))
    pictures.push(...taken.pictures.map(([number, atMs, mediaSec]) => ({ number, atMs, mediaSec })))
    events.push(...taken.events)
    return { pictures, events }
  }
  return {
    page,
    readViewing,
    readNewest: async () => (await readViewing()).pictures.at(-1)?.number ?? -1,
    isSamePage: () => page.evaluate<boolean>('window.isFirst === true'),
    readProblem: () =>
      page.evaluate<string>(`document.querySelector('[data-veil]:not([hidden])')?.textContent.trim() ?? ''`),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** Returns the script that observes the video, and where it finds the number in a picture. */
async function bundleObserver(): Promise<string> {
  const squares = Array.from({ length: COUNTER_BITS }, (_, bit) => describeSquare(bit, HEIGHT))
  const middle = ({ x, size }: (typeof squares)[number]) => (x + size / 2) / WIDTH
  const [first] = squares
  const frameSquares = { y: ((first?.y ?? 0) + (first?.size ?? 0) / 2) / HEIGHT, x: squares.map(middle) }
  const bundle = await build({
    entryPoints: [OBSERVER],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'silent',
  })
  return `window.frameSquares = ${JSON.stringify(frameSquares)};${bundle.outputFiles[0]?.text ?? ''}`
}

/** Opens the studio of a broadcast as its owner. Dispose closes the browser. */
export async function openStudio(
  { origin, cookie }: CheckedProduct,
  { id }: CheckedBroadcast,
): Promise<AsyncDisposable & { readonly page: Page }> {
  const browser = await startBrowser()
  const context = await browser.newContext()
  await context.addCookies([{ ...cookie, url: origin }])
  const page = await context.newPage()
  await page.goto(`${origin}/studio/${id}`)
  return { page, [Symbol.asyncDispose]: () => browser.close() }
}
