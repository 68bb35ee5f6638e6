import { posix } from 'node:path'

import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { createSlugger } from '../web/guides/slug.ts'
import { codeSpans, DOCUMENTS, hasFile, readFile } from './testing/documents.ts'

const SMALL_README_BYTES = 10 * 1024
const FENCED = /^```[\s\S]*?^```$/gm

test('the README is at most 10 KB', () => {
  expect(Buffer.byteLength(readFile('README.md'))).toBeLessThanOrEqual(SMALL_README_BYTES)
})

test('the README leads to every guide', () => {
  const targets = linksOf('README.md').map(({ path }) => path)
  expect(DOCUMENTS.filter((path) => path !== 'README.md' && !targets.includes(path))).toEqual([])
})

describe.each(DOCUMENTS)('%s', (path) => {
  const text = readFile(path)

  test('names npm commands that exist', () => {
    const { scripts } = v.parse(
      v.object({ scripts: v.record(v.string(), v.string()) }),
      JSON.parse(readFile('package.json')),
    )
    const commands = [...text.matchAll(/\bnpm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map(([, name = '']) => name)
    expect(commands.filter((name) => !(name in scripts) && !['packages', 'install'].includes(name))).toEqual([])
  })

  test('names files and folders that exist', () => {
    const files = codeSpans(text).filter((code) => /^(?:gateway|worker|shared|drizzle|k8s|\.ci)\/[\w./-]*$/.test(code))
    expect(files.filter((file) => !file.includes('NAME') && !hasFile(file))).toEqual([])
  })

  test('links to files and sections that exist', () => {
    const broken = linksOf(path).filter(({ path: target, anchor }) => {
      return !hasFile(target) || (anchor !== '' && !anchorsOf(target).includes(anchor))
    })
    expect(broken).toEqual([])
  })

  test('holds no HTML, which pages would drop, but comments', () => {
    const prose = text.replaceAll(FENCED, '').replaceAll(/`[^`\n]*`/g, '')
    expect(prose.match(/<(?!!--)[a-z/][^>]*>/gi)).toBeNull()
  })

  test('has one title, and headings without links', () => {
    const headings = text.replaceAll(FENCED, '').match(/^#+ .*$/gm) ?? []
    expect(headings.filter((heading) => heading.startsWith('# '))).toHaveLength(1)
    expect(headings.filter((heading) => heading.includes(']('))).toEqual([])
  })
})

/** The links of a document that stay in the repository. */
function linksOf(document: string): readonly { readonly path: string; readonly anchor: string }[] {
  const targets = [
    ...readFile(document)
      .replaceAll(FENCED, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, to = '']) => to)
  return targets
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [file = '', anchor = ''] = target.split('#')
      return { path: file === '' ? document : posix.join(posix.dirname(document), file), anchor }
    })
}

function anchorsOf(path: string): readonly string[] {
  const slugOf = createSlugger()
  const headings = readFile(path)
    .replaceAll(FENCED, '')
    .matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading = '']) => slugOf(heading.replaceAll('`', '')))
}
