import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import * as v from 'valibot'

const WRANGLER_CONFIG = new URL('../../wrangler.jsonc', import.meta.url)
const WranglerConfig = v.object({ compatibility_date: v.string(), compatibility_flags: v.array(v.string()) })

/** Code, bindings and port of a Worker. */
export type WorkerdOptions = {
  /** A TypeScript file that exports a Worker's handlers. */
  readonly entry: URL
  readonly bindings: Readonly<Record<string, string>>
  /** By default a free port. */
  readonly port?: number
  /** Receives each line that the Worker logs or workerd writes. */
  readonly onLine: (line: string) => void
}

export type Workerd = AsyncDisposable & {
  readonly url: string
  /** Fires its cron trigger. */
  triggerCron(): Promise<void>
}

/** Path at which Miniflare, and so `wrangler dev`, fires a cron trigger on request. */
export const CRON_TRIGGER_PATH = '/cdn-cgi/handler/scheduled'

/** Runs a Worker in workerd on 127.0.0.1, with the compatibility date and flags of its deployment. */
export async function startWorkerd({ entry, bindings, port = 0, onLine }: WorkerdOptions): Promise<Workerd> {
  const { compatibility_date, compatibility_flags } = v.parse(WranglerConfig, readJsonWithComments(WRANGLER_CONFIG))
  const workerd = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: await bundleOnce(fileURLToPath(entry)) }],
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
    bindings,
    host: '127.0.0.1',
    port,
    // Otherwise Miniflare downloads sample values of `request.cf` from Cloudflare.
    cf: false,
    unsafeTriggerHandlers: true,
    handleRuntimeStdio(...streams: readonly Readable[]) {
      for (const input of streams) createInterface({ input }).on('line', onLine)
    },
  })
  const url = (await workerd.ready).origin
  return {
    url,
    async triggerCron() {
      const answer = await fetch(url + CRON_TRIGGER_PATH)
      if (!answer.ok) throw new Error(`the cron trigger was answered ${answer.status}: ${await answer.text()}`)
    },
    [Symbol.asyncDispose]: () => workerd.dispose(),
  }
}

const bundles = new Map<string, Promise<string>>()

/** Bundles a file once per process. */
function bundleOnce(entry: string): Promise<string> {
  const known = bundles.get(entry) ?? buildModule(entry)
  bundles.set(entry, known)
  return known
}

async function buildModule(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser', 'import'],
    // hono-openapi imports zod for zod schemas, which this project does not use.
    external: ['node:*', 'cloudflare:*', 'zod'],
    loader: { '.yaml': 'text' },
    logLevel: 'error',
  })
  return outputFiles.map(({ text }) => text).join('')
}

/** Parses JSON with comments on their own lines and trailing commas. */
function readJsonWithComments(file: URL): unknown {
  const text = readFileSync(file, 'utf8').replaceAll(/^\s*\/\/.*$/gm, '')
  return JSON.parse(text.replaceAll(/,(?=\s*[}\]])/g, ''))
}
