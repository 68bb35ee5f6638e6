import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import type { BrowserContext, Page } from 'playwright-core'

const TAB_STOPS = fileURLToPath(new URL('browser/tab-stops.ts', import.meta.url))
/** A page may change while one goes through it: its scripts begin, lists become newer. */
const TRIES = 3
const LONGEST_WAY = 100

type TabStop = { readonly label: string | null; readonly isSame: boolean; readonly problems: readonly string[] }

/** Where Tab went, where it had to go, and what was wrong on the way. */
export type PageWalk = {
  readonly reached: readonly string[]
  readonly expected: readonly string[]
  readonly problems: readonly string[]
}

/** Prepares all pages of a context to be walked through. */
export async function prepareWalks(context: BrowserContext): Promise<void> {
  const bundle = await build({
    entryPoints: [TAB_STOPS],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'silent',
  })
  await context.addInitScript({ content: bundle.outputFiles[0]?.text ?? '' })
}

/** Presses Tab until something of this label has the focus. */
export async function tabTo(page: Page, label: string): Promise<void> {
  for (let presses = 0; presses < LONGEST_WAY; presses++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<TabStop>('tabStops.readStop()')
    if (stop.label === label) return
  }
  throw new Error(`Tab does not lead to ${label}`)
}

/** Goes through a page by Tab, from its top to its end. */
export async function walkThrough(page: Page): Promise<PageWalk> {
  for (let tries = 1; ; tries++) {
    const expected = await page.evaluate<string[]>('tabStops.beginStops()')
    const walk = await follow(page, expected)
    if (tries === TRIES || (walk.reached.join() === expected.join() && walk.problems.length === 0)) return walk
  }
}

/** Opens each box of a page that is closed, goes through it by Tab, and closes it; all by the keyboard. */
export async function walkBoxes(page: Page): Promise<PageWalk> {
  const count = await page.evaluate<number>('tabStops.findBoxes().length')
  const walks: PageWalk[] = []
  for (let n = 0; n < count; n++) walks.push(await walkBox(page, n))
  return {
    reached: walks.flatMap(({ reached }) => reached),
    expected: walks.flatMap(({ expected }) => expected),
    problems: walks.flatMap(({ problems }) => problems),
  }
}

async function walkBox(page: Page, n: number): Promise<PageWalk> {
  await page.evaluate(`window.box = tabStops.findBoxes()[${n}]`)
  const summary = 'box.querySelector("summary")'
  await page.evaluate(`${summary}.focus()`)
  await page.keyboard.press('Enter')
  const expected = await page.evaluate<string[]>('tabStops.listStops(box).slice(1)')
  const walk = await follow(page, expected, expected.length)
  // What lies over the page is closed from within, and the rest by what has opened it.
  if (await page.evaluate<boolean>('box.matches(".confirm, .clip-box")')) await page.keyboard.press('Escape')
  else await page.evaluate(`${summary}.focus()`).then(() => page.keyboard.press('Enter'))
  const isClosed = await page.evaluate<boolean>(`!box.open && document.activeElement === ${summary}`)
  return { ...walk, problems: [...walk.problems, ...(isClosed ? [] : ['a box does not close'])] }
}

/** Presses Tab until the page has no more stops. */
async function follow(page: Page, expected: readonly string[], most = 2 * expected.length + 20): Promise<PageWalk> {
  const reached: string[] = []
  const problems: string[] = []
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<TabStop>('tabStops.readStop()')
    problems.push(...stop.problems)
    if (stop.label === null) break
    if (!stop.isSame) reached.push(stop.label)
  }
  return { reached, expected, problems }
}
