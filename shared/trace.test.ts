import { expect, test } from 'vitest'

import { childOf, readTraceparent, writeTraceparent } from './trace.ts'

const HEADER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a traceparent is read and written as it was', () => {
  const trace = readTraceparent(HEADER)
  expect(trace).toEqual({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', flags: '01' })
  expect(trace && writeTraceparent(trace)).toBe(HEADER)
})

test('one that is not valid is none', () => {
  const wrong = [
    undefined,
    null,
    '',
    'nonsense',
    HEADER.toUpperCase(),
    HEADER.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    HEADER.replace('00f067aa0ba902b7', '0'.repeat(16)),
    `ff${HEADER.slice(2)}`,
    `${HEADER}-what-version-00-does-not-have`,
    `${HEADER}0`,
    `${HEADER}\n${HEADER}`,
  ]
  expect(wrong.map(readTraceparent)).toEqual(wrong.map(() => null))
})

test('what a later version adds is passed over', () => {
  expect(readTraceparent(`cc${HEADER.slice(2)}-more`)?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
})

test('what is caused keeps the trace and its flags, and has a span of its own', () => {
  const parent = readTraceparent(HEADER.replace(/01$/, '00'))
  const child = childOf(parent)
  expect(child).toMatchObject({ traceId: parent?.traceId, flags: '00' })
  expect(child.spanId).not.toBe(parent?.spanId)
  expect(readTraceparent(writeTraceparent(child))).toEqual(child)
})

test('what nothing causes begins a trace', () => {
  const [one, other] = [childOf(null), childOf(null)]
  expect(readTraceparent(writeTraceparent(one))).toEqual(one)
  expect(one.traceId).not.toBe(other.traceId)
})
