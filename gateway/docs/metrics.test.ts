import { expect, test } from 'vitest'

import { allMetrics } from '../operations/metrics.ts'
import { systems } from '../systems.ts'
import { namesInTables, readGuide, sectionOf } from './testing/documents.ts'

test('the guide to operating lists every metric, and no other', () => {
  const listed = namesInTables(sectionOf(readGuide('operating'), 'Metrics'))
  const names = allMetrics(systems).map(({ name }) => name)
  expect(names.length).toBeGreaterThan(20)
  expect(listed.toSorted()).toEqual(names.toSorted())
})
