import { readdirSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { FIGURES } from '../metrics/figures.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')

/** The section of the README, up to the next one. */
const RUNBOOK = /\n## Runbook\n([\s\S]*?)(?=\n## |$)/.exec(read('README.md'))?.[1] ?? ''
const named = new Set([...RUNBOOK.matchAll(/`([^`]+)`/g)].map(([, text]) => text))

const NO_PRODUCT = /(?:\.test|\.conformance)\.tsx?$|(?:^|\/)testing\//

/** The sources that are delivered. */
const SOURCES = ['gateway', 'worker', 'shared'].flatMap((folder) =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !NO_PRODUCT.test(file))
    .map((file) => ({ file: `${folder}/${file}`, text: read(`${folder}/${file}`) })),
)

/** Each call that logs at these levels, with its message, or what stands there in place of one. */
function logCalls(): { readonly file: string; readonly message: string | null; readonly call: string }[] {
  return SOURCES.flatMap(({ file, text }) =>
    [...text.matchAll(/(?:\blog|Log)(?:\([^()]*\))?\s*\.(?:warn|error)\(\s*(?:'([^'\n]+)'(?=[,)\s]))?(.{0,40})/g)].map(
      ([call, message]) => ({ file, message: message ?? null, call }),
    ),
  )
}

describe('the Runbook of the README', () => {
  it('has every code that an answer can carry', () => {
    const codes = [...read('gateway/errors.ts').matchAll(/^ {2}([A-Z_]+): \d{3},$/gm)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(15)
    expect(codes.filter((code) => !named.has(code))).toEqual([])
  })

  it('has every figure', () => {
    expect(Object.keys(FIGURES).filter((name) => !named.has(name))).toEqual([])
  })

  it('has every message of a warning or an error in the log', () => {
    const messages = logCalls().flatMap(({ message }) => message ?? [])
    expect(messages.length).toBeGreaterThan(30)
    expect([...new Set(messages)].filter((message) => !named.has(message))).toEqual([])
  })

  it('has no message, code or figure that is not there any more', () => {
    const sources = SOURCES.map(({ text }) => text).join('\n')
    const told = [...RUNBOOK.matchAll(/^\| ((?:`[^`]+`°?(?: \(w\))?(?:, )?)+) +\|/gm)]
    const names = told.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    expect(names.length).toBeGreaterThan(60)
    expect(names.filter((name) => !sources.includes(name))).toEqual([])
  })
})

describe('a message of the log', () => {
  it('is static, so that it can be looked for: what differs stands in fields', () => {
    expect(logCalls().filter(({ message }) => message === null)).toEqual([])
  })
})
