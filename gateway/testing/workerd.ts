import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import * as v from 'valibot'

const WRANGLER_CONFIG = new URL('../wrangler.jsonc', import.meta.url)
const Config = v.object({ compatibility_date: v.string(), compatibility_flags: v.array(v.string()) })

/** What a Worker is made of beside its code. */
export type WorkerdOptions = {
  /** A TypeScript file that exports a Worker's handlers. */
  readonly entry: URL
  readonly bindings: Readonly<Record<string, string>>
  /** A free one, where it is left out. */
  readonly port?: number
  /** Takes each line that the Worker logs and that workerd writes. */
  readonly onLine: (line: string) => void
}

export type Workerd = AsyncDisposable & {
  readonly url: string
  /** Fires its cron trigger. */
  schedule(): Promise<void>
}

/** Where Miniflare, and so `wrangler dev`, takes a cron trigger by hand. */
export const TRIGGER_PATH = '/cdn-cgi/handler/scheduled'

/** Runs a Worker in workerd on 127.0.0.1, on the date and with the flags that it is deployed with. */
export async function startWorkerd({ entry, bindings, port = 0, onLine }: WorkerdOptions): Promise<Workerd> {
  const { compatibility_date, compatibility_flags } = v.parse(Config, readJsonWithComments(WRANGLER_CONFIG))
  const workerd = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: await bundle(fileURLToPath(entry)) }],
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
    bindings,
    host: '127.0.0.1',
    port,
    // What Cloudflare tells of a request would be fetched from there.
    cf: false,
    unsafeTriggerHandlers: true,
    handleRuntimeStdio(...streams: readonly Readable[]) {
      for (const input of streams) createInterface({ input }).on('line', onLine)
    },
  })
  const url = (await workerd.ready).origin
  return {
    url,
    async schedule() {
      const answer = await fetch(url + TRIGGER_PATH)
      if (!answer.ok) throw new Error(`the cron trigger was answered ${answer.status}: ${await answer.text()}`)
    },
    [Symbol.asyncDispose]: () => workerd.dispose(),
  }
}

const bundles = new Map<string, Promise<string>>()

/** Once per file and process. */
function bundle(entry: string): Promise<string> {
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
    // The last is asked for by hono-openapi for schemas of a kind that we do not have.
    external: ['node:*', 'cloudflare:*', 'zod'],
    loader: { '.yaml': 'text' },
    logLevel: 'error',
  })
  return outputFiles.map(({ text }) => text).join('')
}

/** Comments on lines of their own, and commas before a closing bracket. */
function readJsonWithComments(file: URL): unknown {
  const text = readFileSync(file, 'utf8').replaceAll(/^\s*\/\/.*$/gm, '')
  return JSON.parse(text.replaceAll(/,(?=\s*[}\]])/g, ''))
}
