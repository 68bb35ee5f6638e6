import * as v from 'valibot'
import { expect, test } from 'vitest'

import { CreateStreamBody, UpdateStreamBody } from '../../broadcasts/requests.ts'
import { toStreamBody } from './stream-form.ts'

const FORM = {
  title: ' A show ',
  description: 'one\r\ntwo',
  category: 'Music',
  tags: 'one, two、three,,',
  visibility: 'public',
  latency: 'low',
}

test('a form becomes the body that the API takes', () => {
  const body = { ...FORM, scheduled_for: '2026-12-01T10:00:00.000Z', scheduled_local: '2026-12-01T19:00', record: 'on' }
  expect(v.parse(CreateStreamBody, toStreamBody(body, 'planned'))).toMatchObject({
    title: 'A show',
    description: 'one\ntwo',
    tags: ['one', 'two', 'three'],
    scheduled_for: '2026-12-01T10:00:00.000Z',
    record: true,
  })
})

test('a time of a page without scripts is in UTC; no time is no plan', () => {
  expect(toStreamBody({ ...FORM, scheduled_local: '2026-12-01T19:00' }, 'planned')['scheduled_for']).toBe(
    '2026-12-01T19:00:00.000Z',
  )
  expect(toStreamBody(FORM, 'planned')['scheduled_for']).toBeNull()
})

test('a broadcast that has started keeps its start and its delay', () => {
  const body = toStreamBody(FORM, 'started')
  expect(Object.keys(v.parse(UpdateStreamBody, body))).not.toContain('latency')
  expect(Object.keys(body)).not.toContain('scheduled_for')
})

test('a broadcast that has ended keeps its recording', () => {
  expect(toStreamBody(FORM, 'started')).toMatchObject({ record: false })
  expect(Object.keys(toStreamBody(FORM, 'ended'))).not.toContain('record')
})
