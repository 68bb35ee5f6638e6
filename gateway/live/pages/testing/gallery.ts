import { join } from 'node:path'

import type { Browser, BrowserContext, Page } from 'playwright-core'

import { layoutShiftOf, recordLayoutShifts, watchPage } from './inspect-page.ts'

/** A page to photograph. */
export type Subject = {
  readonly name: string
  /** Below the root of the site. */
  readonly path: string
  /** Token of the session with which it is opened; `null`: none. */
  readonly token: string | null
  /** What must be there before the picture is taken, as a selector. */
  readonly ready?: string
  /** What is done on the page before. */
  readonly act?: (page: Page) => Promise<void>
}

/** Where screenshots go, and which ones are wanted: all where no names are listed. */
export type Gallery = {
  readonly browser: Browser
  readonly origin: string
  readonly folder: string
  readonly wanted: readonly string[]
}

/** The looks of every page: both languages in both schemes, on a phone, and on a wall. */
export const LOOKS = [
  { locale: 'en-GB', colorScheme: 'dark', width: 1440, height: 900 },
  { locale: 'en-GB', colorScheme: 'light', width: 1440, height: 900 },
  { locale: 'ja-JP', colorScheme: 'dark', width: 1440, height: 900 },
  { locale: 'ja-JP', colorScheme: 'light', width: 1440, height: 900 },
  { locale: 'en-GB', colorScheme: 'light', width: 360, height: 740 },
  { locale: 'ja-JP', colorScheme: 'dark', width: 360, height: 740 },
  { locale: 'en-GB', colorScheme: 'dark', width: 3840, height: 2160 },
] as const
type Look = (typeof LOOKS)[number]

const READY_MS = 60_000
/** How long pictures of a page may take to move in, in ms. */
const SETTLE_MS = 900

/** Photographs pages in all looks, and prints what they weigh and how long they took. */
export async function photographPages(gallery: Gallery, subjects: readonly Subject[]): Promise<void> {
  for (const look of LOOKS) {
    for (const subject of subjects) {
      if (!isWanted(gallery, nameOf({ subject, look }))) continue
      await using context = await openContext(gallery, look, subject)
      await photograph(gallery, context, { subject, look }).catch((error: unknown) => {
        process.exitCode = 1
        process.stdout.write(`${nameOf({ subject, look })} failed: ${String(error)}\n`)
      })
    }
  }
}

function isWanted({ wanted }: Gallery, name: string): boolean {
  return wanted.length === 0 || wanted.some((part) => name.includes(part))
}

/** Returns the name of a screenshot: `home.en-dark-1440`. */
function nameOf({ subject, look }: Shot): string {
  return `${subject.name}.${look.locale.slice(0, 2)}-${look.colorScheme}-${look.width}`
}

async function openContext(
  { browser, origin }: Gallery,
  { locale, colorScheme, width, height }: Look,
  { token }: Subject,
): Promise<BrowserContext> {
  const context = await browser.newContext({ locale, colorScheme, viewport: { width, height } })
  await recordLayoutShifts(context)
  if (token !== null) await context.addCookies([{ name: 'tallylight_session', value: token, url: origin }])
  return context
}

type Shot = { readonly subject: Subject; readonly look: Look }

async function photograph(
  { origin, folder }: Gallery,
  context: BrowserContext,
  { subject, look }: Shot,
): Promise<void> {
  const page = await context.newPage()
  const { lines, scriptBytes } = watchPage(page)
  await page.goto(`${origin}/${subject.path}`)
  if (subject.ready !== undefined) await page.locator(subject.ready).first().waitFor({ timeout: READY_MS })
  await subject.act?.(page)
  await page.waitForTimeout(SETTLE_MS)
  const name = nameOf({ subject, look })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: look.width < 2000 })
  const paintMs = await page.evaluate<number>(
    'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1',
  )
  const facts = [
    `${Math.round((await scriptBytes()) / 1000)} kB of scripts`,
    `first paint ${Math.round(paintMs)} ms`,
    `layout shift ${(await layoutShiftOf(page)).toFixed(3)}`,
    ...((await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')) ? ['TOO WIDE'] : []),
    ...lines,
  ]
  process.stdout.write(`${name.padEnd(44)} ${facts.join(', ')}\n`)
}
