import axe from 'axe-core'
import type { BrowserContext, Page } from 'playwright-core'

/** What a page has done that no page may do. */
export type PageComplaints = {
  /** Violations of the Content-Security-Policy, and errors of scripts. */
  readonly lines: string[]
  /** Origins that the page has called. */
  readonly origins: Set<string>
  /** Bytes of the scripts of the page that is open, compressed, with those of its player; without hls.js. */
  scriptBytes(): Promise<number>
}

const PLAYLIST_READER = /\/hls\.light-/

/** Watches a page from now on. */
export function watchPage(page: Page): PageComplaints {
  const lines: string[] = []
  const origins = new Set<string>()
  let scripts: Promise<number>[] = []
  page.on('framenavigated', () => {
    scripts = []
  })
  page.on('console', (message) => {
    // Chromium reports each answer of 400 or more as an error too, which forms are supposed to get.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) lines.push(message.text())
  })
  page.on('pageerror', (error) => lines.push(error.message))
  page.on('request', (request) => origins.add(new URL(request.url()).origin))
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (!pathname.endsWith('.js') || PLAYLIST_READER.test(pathname)) return
    scripts.push(response.headerValue('content-length').then(Number))
  })
  return {
    lines,
    origins,
    async scriptBytes() {
      await waitForPlayer(page)
      return (await Promise.all(scripts)).reduce((sum, bytes) => sum + bytes, 0)
    },
  }
}

/** Waits for the player of a page that has something to play: its scripts come after those that the page names. */
async function waitForPlayer(page: Page): Promise<void> {
  if ((await page.locator('[data-screen][data-source]').count()) === 0) return
  await page.locator('[data-player] video').waitFor({ state: 'attached' })
}

/** Without its copies of stylesheets, which it writes into a page whose policy forbids them. */
const RUN_AXE = 'axe.run({ preload: false }).then((result) => result.violations)'

/** Returns what axe-core finds wrong on a page: rule and element, one a line. */
export async function findBarriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate<readonly Violation[]>(RUN_AXE)
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  )
}
type Violation = { readonly id: string; readonly nodes: readonly { html: string; failureSummary: string }[] }

/** Records the layout shifts of all pages that a context opens. */
export async function recordLayoutShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(`
    window.layoutShift = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  `)
}

/** Returns how far the layout of a page has shifted (Cumulative Layout Shift). */
export function layoutShiftOf(page: Page): Promise<number> {
  return page.evaluate<number>('window.layoutShift')
}

/** Returns whether a page is wider than its window. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
}
