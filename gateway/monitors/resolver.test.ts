import { expect, test } from 'vitest'

import type { InstalledResolver } from '../ports/installed-resolver.ts'
import { describeResolver, readResolverGauge } from './resolver.ts'

const CURRENT: InstalledResolver = {
  version: '2026.10.26',
  source: 'Debian',
  runtime: 'deno-2.9.6',
  solver: null,
  path: '/data/tools/bin/yt-dlp',
}
const NOW_MS = Date.UTC(2026, 10, 29)

test('a current yt-dlp with a runtime has no problem, and its solver is fetched where the package lacks it', () => {
  expect(describeResolver(CURRENT, NOW_MS)).toEqual({
    version: '2026.10.26',
    source: 'Debian',
    javascript_runtime: 'deno-2.9.6',
    solver: 'fetched when needed',
    problem: null,
  })
  expect(describeResolver({ ...CURRENT, solver: '0.3.1' }, NOW_MS)).toMatchObject({ solver: '0.3.1' })
})

test('a yt-dlp older than 60 days, without a runtime, or that does not run, is a problem that names the cure', () => {
  const problemOf = (changed: Partial<InstalledResolver>) =>
    describeResolver({ ...CURRENT, ...changed }, NOW_MS).problem
  expect(problemOf({ version: '2026.09.30' })).toBeNull()
  expect(problemOf({ version: '2026.09.29' })).toMatch(/61 days old.*npm run tools:update/)
  expect(problemOf({ version: 'odd' })).toMatch(/npm run tools:update/)
  expect(problemOf({ runtime: null })).toMatch(/no JavaScript runtime/)
  expect(problemOf({ version: null })).toMatch(/does not run/)
})

test('the metric names the version; where nothing was installed, nothing is claimed', () => {
  expect(readResolverGauge(CURRENT)).toMatchObject([{ labels: { version: '2026.10.26', source: 'Debian' }, value: 1 }])
  expect(readResolverGauge(null)).toEqual([])
})
