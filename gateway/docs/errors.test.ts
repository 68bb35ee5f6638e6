import { describe, expect, test } from 'vitest'

import { ValidationCode } from '../../shared/contract/jobs.ts'
import { KERNEL_ERRORS } from '../errors.ts'
import { systems } from '../systems.ts'
import {
  codeSpans,
  DOCUMENTS,
  namesInTables,
  readFile,
  readGuide,
  readSources,
  sectionOf,
} from './testing/documents.ts'

const GUIDE = readGuide('errors')
const SOURCES = readSources(['gateway', 'worker', 'shared'])

/** Calls that log a warning or an error: with their message, or what stands in its place. */
function logCalls(): readonly { readonly path: string; readonly message: string | null; readonly call: string }[] {
  return SOURCES.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:\blog|Log)(?:\([^()]*\))?\s*\.(?:warn|error)\(\s*(?:'([^'\n]+)'(?=[,)\s]))?(.{0,40})/g)].map(
      ([call, message]) => ({ path, message: message ?? null, call }),
    ),
  )
}

/** Codes in the sources of jobs, where a job fails. */
function failureCodes(): readonly string[] {
  const texts = SOURCES.filter(({ path }) => /^(?:worker|gateway)\/jobs\//.test(path)).map(({ text }) => text)
  const failing = texts.flatMap((text) => text.match(/^.*(?:(?:Failure|blame)\)?\(|\bcode: ).*$/gm) ?? [])
  return failing.flatMap((line) => [...line.matchAll(/'([A-Z][A-Z_]{4,})'/g)].map(([, code = '']) => code))
}

describe('the guide to errors', () => {
  test('lists every code that an error answer can carry, with its status, and no other', () => {
    const codes = [...Object.values(KERNEL_ERRORS), ...systems.flatMap(({ errors }) => errors)]
    const expected = codes.map(({ code, status }) => `${code} ${status}`)
    const section = sectionOf(GUIDE, 'Errors of the API')
    const listed = [...section.matchAll(/^\| `([A-Z_]+)` +\| (\d{3}) +\|/gm)].map(
      ([, code, status]) => `${code} ${status}`,
    )
    expect(listed.toSorted()).toEqual(expected.toSorted())
  })

  test('lists every code that a failed job or its validation can carry', () => {
    const listed = namesInTables(sectionOf(GUIDE, 'Errors of jobs'))
    const codes = new Set([...ValidationCode.options, ...failureCodes()])
    expect(codes.size).toBeGreaterThan(25)
    expect([...codes].filter((code) => !listed.includes(code))).toEqual([])
  })

  test.each([
    ['Log messages of the gateway', ['gateway', 'shared']],
    ['Log messages of workers', ['worker', 'shared']],
  ])('%s: lists every warning and every error that is logged, and no other', (heading, halves) => {
    const calls = logCalls().filter(({ path }) => halves.some((half) => path.startsWith(`${half}/`)))
    const logged = new Set(calls.flatMap(({ message }) => message ?? []))
    expect(logged.size).toBeGreaterThan(10)
    expect(namesInTables(sectionOf(GUIDE, heading)).toSorted()).toEqual([...logged].toSorted())
  })

  test('lists no code that the sources do not have', () => {
    const sources = SOURCES.map(({ text }) => text).join('\n')
    const listed = namesInTables(sectionOf(GUIDE, 'Errors of jobs'))
    expect(listed.filter((code) => !sources.includes(code))).toEqual([])
  })
})

/** Plain words in a code span: a log message, or a command. */
const WORDS = /^(?!npm |kubectl |docker )[a-z]+(?: [a-z]+[,;]?){2,}$/

test.each(DOCUMENTS)('%s quotes log messages that exist', (path) => {
  const sources = SOURCES.map(({ text }) => text).join('\n')
  const quoted = codeSpans(readFile(path)).filter((code) => WORDS.test(code))
  expect(quoted.filter((message) => !sources.includes(message))).toEqual([])
})

test('a log message is static, so that it can be searched for: the details are in fields', () => {
  expect(logCalls().filter(({ message }) => message === null)).toEqual([])
})
