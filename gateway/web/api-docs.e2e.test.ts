import { chromium } from 'playwright-core'
import { expect, it } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { startTestGateway } from '../testing/test-gateway.ts'

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
/** Root needs no sandbox here, and nothing may call out. */
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

it('/docs shows the API in a browser, from this gateway alone and within its content security policy', async () => {
  await using gateway = await startTestGateway()
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
  try {
    const page = await browser.newPage()
    const complaints: string[] = []
    const origins = new Set<string>()
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    await page.goto(`${gateway.url}/swagger`)
    await page.getByText('Watch a live stream').waitFor({ timeout: PATIENCE_MS })
    expect(await page.locator('.opblock').count()).toBe(25)
    expect(complaints).toEqual([])
    expect([...origins].filter((origin) => origin !== 'null')).toEqual([gateway.url])
  } finally {
    await browser.close()
  }
})
