import { readFile } from 'node:fs/promises'

import type { Plugin } from 'esbuild'

const SOURCES = /\/media-chrome\/dist\/.*\.js$/
/** Modules that pages do not need, and what is left of them. */
const LEFT: ReadonlyMap<string, string> = new Map([
  // The dialog of its keys has styles that the policy of pages forbids. Players turn its key off (`hotkeys="noshift+/"`).
  [
    'media-keyboard-shortcuts-dialog.js',
    'export const getHotkeyToken = (key) => (key === " " ? "nospace" : `no${key.toLowerCase()}`)',
  ],
  // No recording has small pictures of its moments.
  ['media-preview-thumbnail.js', 'export default { shadowRootOptions: { mode: "open" }, getTemplateHTML: () => "" }'],
])

/** Makes media-chrome smaller, which each player loads: without parts that pages do not need, blanks and comments. */
export const trimMediaChrome: Plugin = {
  name: 'trim-media-chrome',
  setup(build) {
    build.onLoad({ filter: SOURCES }, async ({ path }) => {
      const left = LEFT.get(path.slice(path.lastIndexOf('/') + 1))
      return { contents: left ?? trimTemplates(await readFile(path, 'utf8')), loader: 'js' }
    })
  },
}

/** Returns a module whose templates have no comments and no indentation. */
function trimTemplates(source: string): string {
  return source
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, '')
    .replaceAll(/\n\s+/g, '\n')
}
