import { expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'

/** A lost connection is to be seen within this time; the rest is the time that a busy machine takes to render. */
const SHOWN_WITHIN_MS = 5000 + 2000

it('a list shows within five seconds that its gateway is gone, and heals by itself', async () => {
  await using system = await startWholeSystem()
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${system.gateway().origin}/`)
  await page.getByRole('heading', { name: 'The stage is free' }).waitFor()
  const note = page.getByRole('alert').filter({ hasText: 'No connection' })
  expect(await note.isVisible()).toBe(false)
  await system.gateway()[Symbol.asyncDispose]()
  const gone = Date.now()
  await note.waitFor()
  expect(Date.now() - gone).toBeLessThan(SHOWN_WITHIN_MS)
  await system.startGateway()
  await note.waitFor({ state: 'hidden' })
})
