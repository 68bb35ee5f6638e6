import { existsSync, readdirSync, readFileSync } from 'node:fs'

import { GUIDES } from '../../web/guides/list.ts'

const ROOT = new URL('../../../', import.meta.url)

/** Documents for users: the README and the guides, by their paths in the repository. */
export const DOCUMENTS = ['README.md', ...GUIDES.map(({ path }) => path)]

/** Returns the text of a file of the repository. */
export function readFile(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** Returns whether the repository has a file or folder at a path. */
export function hasFile(path: string): boolean {
  return existsSync(new URL(path, ROOT))
}

/** Returns the text of a guide by its name. */
export function readGuide(name: string): string {
  return readFile(`gateway/docs/${name}.md`)
}

/**
 * Returns one section of a document, without its heading, up to the next heading of the second level.
 * @throws Error where the document has no such section
 */
export function sectionOf(text: string, heading: string): string {
  const [, section] = new RegExp(`\\n## ${heading}\\n([\\s\\S]*?)(?=\\n## |$)`).exec(text) ?? []
  if (section === undefined) throw new Error(`there is no section "${heading}"`)
  return section
}

/** Returns the code spans in the first cells of all tables of a text, without the rows of headings. */
export function namesInTables(text: string): readonly string[] {
  return [...text.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, cell = '']) => codeSpans(cell))
}

/** Returns the code spans of a text. */
export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

const NOT_DELIVERED = /(?:\.test|\.conformance)\.tsx?$|(?:^|\/)testing\//

/** Returns the delivered source files below some folders, with their texts. */
export function readSources(folders: readonly string[]): readonly { readonly path: string; readonly text: string }[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file) && !NOT_DELIVERED.test(file))
      .map((file) => ({ path: `${folder}/${file}`, text: readFile(`${folder}/${file}`) })),
  )
}
