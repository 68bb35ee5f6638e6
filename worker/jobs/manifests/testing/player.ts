import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import type { Browser } from 'playwright-core'

import { startBrowser } from '../../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import { type LocalServer, startLocalServer } from '../../../../shared/testing/local-server.ts'

/** The playback of a set in a browser, from start to end. */
export type Playback = {
  /** All errors of the player, fatal or not. */
  readonly errors: readonly string[]
  /** Waits for data after the start. */
  readonly stalls: number
  /** Seeks by the player itself, which skips gaps. */
  readonly jumps: number
  /** Video heights in the order of their appearance; `0` for audio only. */
  readonly heights: readonly number[]
  readonly frames: number
  readonly soundBytes: number
  /** Buffered ranges at the end, in seconds. */
  readonly buffered: readonly (readonly [number, number])[]
  readonly hasEnded: boolean
  readonly endedAtSec: number
  readonly durationSec: number
}

/** The library that reads the set; `browser`: none, for a single file. */
type Engine = 'hls.js' | 'dash.js' | 'browser'

export type PlayOptions = {
  readonly engine: Engine
  /** The folder of the set, and the file to open. */
  readonly dir: string
  readonly entry: string
  /** Requested heights of the video segments, in order; the first must be the smallest. */
  readonly heights?: readonly number[]
}

/** A browser, and a local server for sets and player libraries. */
export type Player = AsyncDisposable & { play(options: PlayOptions): Promise<Playback> }

const require = createRequire(import.meta.url)
const SCRIPTS: Readonly<Record<string, string>> = {
  'hls.js': require.resolve('hls.js'),
  'dash.js': require.resolve('dashjs'),
  'page.js': join(import.meta.dirname, 'player-page.js'),
}

/** Starts a browser and its server. */
export async function startPlayer(): Promise<Player> {
  const dirs: string[] = []
  const server = await startLocalServer(async (request, response) => {
    const [, top = '', name = ''] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/')
    if (top === 'page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(pageOf(name))
      return
    }
    const path = SCRIPTS[top] ?? join(dirs[Number(top)] ?? '', basename(name))
    await pipeline(createReadStream(path), response)
  })
  const browser = await startBrowser()
  return {
    play: (options) => play(browser, server, options, dirs.push(options.dir) - 1),
    async [Symbol.asyncDispose]() {
      await browser.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

function pageOf(engine: string): string {
  const scripts = [engine, 'page.js'].filter((name) => name in SCRIPTS)
  return `<!doctype html><video muted></video>${scripts.map((name) => `<script src="/${name}"></script>`).join('')}`
}

async function play(browser: Browser, server: LocalServer, options: PlayOptions, set: number): Promise<Playback> {
  const page = await browser.newPage()
  try {
    await page.goto(`${server.origin}/page/${options.engine}`, { timeout: PATIENCE_MS })
    const request = {
      engine: options.engine,
      url: `${server.origin}/${set}/${options.entry}`,
      heights: options.heights ?? [],
      timeoutMs: PATIENCE_MS,
    }
    return await page.evaluate<Playback>(`play(${JSON.stringify(request)})`)
  } finally {
    await page.close()
  }
}
