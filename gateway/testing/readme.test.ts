import { existsSync, readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)
const README = readFileSync(new URL('README.md', ROOT), 'utf8')
const code = [...README.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)

test('every npm command of the README exists', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { scripts: object }
  const commands = [...README.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name = '']) => name)
  expect(commands.length).toBeGreaterThan(4)
  expect(commands.filter((name) => !(name in scripts) && name !== 'packages')).toEqual([])
})

test('every file that the README names exists', () => {
  const files = code.filter((text) => /^(?:gateway|worker|shared|drizzle)\/[\w./-]+$/.test(text))
  expect(files.length).toBeGreaterThan(1)
  expect(files.filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([])
})

test('every setting that the README lists is one', () => {
  const [, table = ''] = /## Settings\n([\s\S]*?)\n## /.exec(README) ?? []
  const names = [...table.matchAll(/^\| ((?:`[A-Z\d_]+`(?:, | \(or )?\)?)+)/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/[A-Z][A-Z\d_]{3,}/g)].map(String),
  )
  const sources = [
    'gateway/config.ts',
    'gateway/job-settings.ts',
    'gateway/adapters/edge/settings.ts',
    'worker/monitors/environment.ts',
    'worker/environment.ts',
  ]
  const known = sources.map((file) => readFileSync(new URL(file, ROOT), 'utf8')).join('\n')
  expect(names.length).toBeGreaterThan(25)
  expect(names.filter((name) => !known.includes(name))).toEqual([])
})
