import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import { build, type BuildOptions, type OutputFile } from 'esbuild'

import type { LoadPageAssets, PageAsset, PageAssets } from '../../ports/page-assets.ts'
import { trimMediaChrome } from './trim-media-chrome.ts'
import { withEsbuild } from './with-esbuild.ts'

const GATEWAY = fileURLToPath(new URL('../../', import.meta.url))
/** Browsers of 2024: they know `light-dark()`, popovers and nesting. */
const TARGET = ['chrome123', 'firefox125', 'safari17.5']
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

const COMMON = {
  absWorkingDir: GATEWAY,
  outdir: '.',
  bundle: true,
  write: false,
  minify: true,
  target: TARGET,
  metafile: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  legalComments: 'none',
  logLevel: 'silent',
} satisfies BuildOptions

/**
 * Returns a loader of the assets of pages, which bundles them at its first call. `sources` are paths below `gateway/`:
 * each script becomes a file, all stylesheets become one, pictures stay as they are.
 */
export function createPageAssetLoader(sources: readonly string[]): LoadPageAssets {
  let made: Promise<PageAssets> | null = null
  return () => {
    made ??= withEsbuild(() => bundle(sources)).catch((error: unknown) => {
      made = null
      throw error
    })
    return made
  }
}

async function bundle(sources: readonly string[]): Promise<PageAssets> {
  const styles = sources.filter((source) => source.endsWith('.css'))
  const others = sources.filter((source) => !source.endsWith('.css'))
  const [scripts, stylesheet] = await Promise.all([
    build({
      ...COMMON,
      entryPoints: [...others],
      format: 'esm',
      splitting: true,
      loader: { '.svg': 'copy' },
      jsx: 'automatic',
      jsxImportSource: 'hono/jsx/dom',
      plugins: [trimMediaChrome],
    }),
    build({
      ...COMMON,
      stdin: { contents: styles.map((path) => `@import './${path}';`).join('\n'), loader: 'css', resolveDir: GATEWAY },
    }),
  ])
  const [sheet] = stylesheet.outputFiles
  if (sheet === undefined) throw new Error('the pages have no stylesheet')
  const sheetName = basename(sheet.path).replace(/^stdin/, 'pages')
  const files = new Map<string, PageAsset>([[sheetName, await toAsset(sheet)]])
  for (const file of scripts.outputFiles) files.set(basename(file.path), await toAsset(file))
  const names = new Map(
    Object.entries(scripts.metafile.outputs).flatMap(([path, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[relative('.', entryPoint), basename(path)] as const],
    ),
  )
  return {
    stylesheet: sheetName,
    nameOf(source) {
      const name = names.get(source)
      if (name === undefined) throw new Error(`${source} is no source of a page`)
      return name
    },
    find: (name) => files.get(name) ?? null,
  }
}

async function toAsset({ path, contents }: OutputFile): Promise<PageAsset> {
  const body = new Uint8Array(contents)
  const extension = path.slice(path.lastIndexOf('.') + 1)
  return {
    contentType: CONTENT_TYPES[extension] ?? 'application/octet-stream',
    body,
    gzip: new Uint8Array(await promisify(gzip)(body, { level: 9 })),
  }
}
