import { describe, expect, test } from 'vitest'

import { KERNEL_SECTIONS } from '../settings/read-settings.ts'
import { systems } from '../systems.ts'
import { withSettingsTables } from './settings-table.ts'
import {
  codeSpans,
  DOCUMENTS,
  namesInTables,
  readFile,
  readGuide,
  readSources,
  sectionOf,
} from './testing/documents.ts'

const SECTIONS = [...KERNEL_SECTIONS, ...systems.map((system) => system.settings)]

/** Variables of OpenTelemetry and of the tests. */
const OF_OTHERS = /^(?:(?:OTEL|TEST)_|CHROMIUM_PATH$)/

test('the guide to settings has the tables that the schemas yield; npm run docs:settings writes them', () => {
  const guide = readGuide('settings')
  expect(guide).toBe(withSettingsTables(guide, SECTIONS))
})

test('the guide to the edge lists the settings that exist only there', () => {
  const [, entries = ''] =
    /const EdgeEnvironment = v\.object\(\{([\s\S]*?)\n\}\)/.exec(readFile('gateway/adapters/edge/settings.ts')) ?? []
  const names = [...entries.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name = '']) => name)
  const common = SECTIONS.flatMap((section) => Object.keys(section.entries))
  const expected = names.filter((name) => !common.includes(name))
  expect(namesInTables(sectionOf(readGuide('edge'), 'Settings of the edge')).toSorted()).toEqual(expected.toSorted())
})

test('every setting is described once', () => {
  const names = SECTIONS.flatMap(({ entries }) => Object.keys(entries))
  expect(names.length).toBeGreaterThan(60)
  expect(new Set(names).size).toBe(names.length)
})

describe.each(DOCUMENTS)('%s', (path) => {
  test('names variables that the code knows', () => {
    const sources = readSources(['gateway', 'worker']).map(({ text }) => text)
    const known = [...sources, readFile('.setup')].join('\n')
    const names = codeSpans(readFile(path)).flatMap(
      (code) => /^([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)(?:=\S*)?$/.exec(code)?.[1] ?? [],
    )
    expect(names.filter((name) => !known.includes(name) && !OF_OTHERS.test(name))).toEqual([])
  })
})
