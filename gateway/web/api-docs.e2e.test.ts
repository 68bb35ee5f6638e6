import { expect, it } from 'vitest'

import { startBrowser } from '../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { startTestGateway } from '../testing/test-gateway.ts'

it('/docs shows the API in a browser, from this gateway alone and within its content security policy', async () => {
  await using gateway = await startTestGateway()
  const browser = await startBrowser()
  try {
    const page = await browser.newPage()
    const complaints: string[] = []
    const origins = new Set<string>()
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    await page.goto(`${gateway.url}/swagger`)
    await page.getByText('Watch a live stream').waitFor({ timeout: PATIENCE_MS })
    const { paths } = (await gateway.api('GET', '/openapi.json')).json as { paths: Record<string, object> }
    const calls = Object.values(paths).flatMap((operations) => Object.keys(operations))
    expect(await page.locator('.opblock').count()).toBe(calls.length)
    expect(complaints).toEqual([])
    expect([...origins].filter((origin) => origin !== 'null')).toEqual([gateway.url])
  } finally {
    await browser.close()
  }
})
