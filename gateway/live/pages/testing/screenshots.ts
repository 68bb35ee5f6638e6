/**
 * Makes screenshots of every page under `gateway/web/screenshots/`, from the product on an empty data folder with real
 * broadcasts: `{page}.{language}-{scheme}-{width}.png`. Arguments limit it to
 * screenshots whose names contain one of them.
 */

import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import type { Browser } from 'playwright-core'

import { startBrowser } from '../../../../shared/testing/browser.ts'
import { startWholeSystem, type WholeSystem } from '../../../testing/whole-system.ts'
import { LOOKS, photographPages, type Gallery } from './gallery.ts'
import { makeEmptyStage, prepareStage } from './stage.ts'

const FOLDER = fileURLToPath(new URL('../../../web/screenshots', import.meta.url))
const SETTINGS = {
  INGEST_WORKERS: '1',
  RECONNECT_WINDOW: '1800s',
  LIVE_LADDER: '540:1500,270:400',
  LIVE_STORAGE_QUOTA_GB: '1',
  LOG_LEVEL: 'warn',
}

async function photographAll(system: WholeSystem, browser: Browser): Promise<void> {
  const gallery: Gallery = { browser, origin: system.gateway().origin, folder: FOLDER, wanted: process.argv.slice(2) }
  const empty = await makeEmptyStage(system)
  await photographPages(gallery, empty.subjects)
  await using stage = await prepareStage(system, empty)
  await photographPages(gallery, stage.crowded)
  await photographPages(gallery, await stage.loseEncoder())
  await photographPages(gallery, await stage.endLost())
}

if (process.argv.length === 2) await rm(FOLDER, { recursive: true, force: true })
await mkdir(FOLDER, { recursive: true })
await using system = await startWholeSystem(SETTINGS)
await using browser = await startBrowser()
await photographAll(system, browser)
process.stdout.write(`screenshots in ${LOOKS.length} looks are in ${FOLDER}\n`)
