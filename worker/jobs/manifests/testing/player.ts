import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { type Browser, chromium } from 'playwright-core'

import { type LocalServer, startLocalServer } from '../../../testing/local-server.ts'

/** What a browser saw from the start of a set to its end. */
export type Playback = {
  /** Whatever the player complained of, fatal or not. */
  readonly errors: readonly string[]
  /** How often it had to wait for data once it played. */
  readonly stalls: number
  /** How often it jumped, as players do over a hole. */
  readonly jumps: number
  /** Pictures' heights as they came, `0` for sound alone. */
  readonly heights: readonly number[]
  readonly frames: number
  readonly soundBytes: number
  /** Ranges that were buffered at the end, in seconds. */
  readonly buffered: readonly (readonly [number, number])[]
  readonly hasEnded: boolean
  readonly endedAtSec: number
  readonly durationSec: number
}

/** What reads the set: a player's library, or the browser alone, which plays a file. */
type Engine = 'hls.js' | 'dash.js' | 'browser'

export type PlayOptions = {
  readonly engine: Engine
  /** The folder of the set, and the file that is opened. */
  readonly dir: string
  readonly entry: string
  /** Sizes wanted of the picture's segments, one after the other; it begins with the smallest. */
  readonly heights?: readonly number[]
}

/** A browser and a server from which it takes sets and players, both on this machine alone. */
export type Player = AsyncDisposable & { play(options: PlayOptions): Promise<Playback> }

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
/** Root needs no sandbox here, and nothing may call out. */
const ARGS = [
  ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--disable-quic'],
  ['--disable-background-networking', '--disable-component-update', '--disable-sync'],
].flat()
const PLAY_TIMEOUT_MS = 20_000
const require = createRequire(import.meta.url)
const SCRIPTS: Readonly<Record<string, string>> = {
  'hls.js': require.resolve('hls.js'),
  'dash.js': require.resolve('dashjs'),
  'page.js': join(import.meta.dirname, 'player-page.js'),
}

/** Starts both. */
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
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
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
    await page.goto(`${server.origin}/page/${options.engine}`)
    const asked = {
      engine: options.engine,
      url: `${server.origin}/${set}/${options.entry}`,
      heights: options.heights ?? [],
      timeoutMs: PLAY_TIMEOUT_MS,
    }
    return await page.evaluate<Playback>(`play(${JSON.stringify(asked)})`)
  } finally {
    await page.close()
  }
}
