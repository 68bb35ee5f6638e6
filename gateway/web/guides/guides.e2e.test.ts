import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { GUIDES } from './list.ts'

const PHONE = { width: 360, height: 740 }
const WIDE = { width: 1280, height: 800 }

/** Returns whether a page is wider than its window. */
async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth')
}

it('every guide is readable on a phone and on a wide screen, and loads nothing from elsewhere', async () => {
  await using gateway = await startTestGateway()
  const browser = await startBrowser()
  try {
    const page = await browser.newPage({ viewport: PHONE, colorScheme: 'dark' })
    const complaints: string[] = []
    const origins = new Set<string>()
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    for (const { name } of GUIDES) {
      await page.goto(`${gateway.url}/docs/guides/${name}`)
      expect([name, await isTooWide(page)]).toEqual([name, false])
    }
    await page.setViewportSize(WIDE)
    await page.goto(`${gateway.url}/docs`)
    await page.getByRole('link', { name: 'Guides' }).click()
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Delivery' }).click()
    expect(new URL(page.url()).hash).toBe('#delivery')
    expect(await isTooWide(page)).toBe(false)
    expect(complaints.filter((text) => !text.includes('favicon'))).toEqual([])
    expect([...origins].filter((origin) => origin !== 'null')).toEqual([gateway.url])
  } finally {
    await browser.close()
  }
})
