import { describe, expect, test } from 'vitest'

import type { Clip } from '../../../shared/contract/jobs.ts'
import type { EndMismatch } from '../../media/probed-media.ts'
import { findInputProblem } from '../plan/input-problem.ts'
import { findTruncation } from './truncated-input.ts'

const mismatch = (kind: EndMismatch['kind'], declaredSec: number, actualSec: number) => ({
  endMismatch: { kind, declaredSec, actualSec },
})
const clipTo = (endSec: number): Clip => ({ start_sec: 0, duration_sec: endSec })

describe('an input that lacks data which its index lists', () => {
  test('is rejected, unless a clip lies within the data or less than two seconds are missing', () => {
    const message = 'the input is truncated: its header declares 60.0 s, but its data ends after 20.0 s'
    const failure = { code: 'INPUT_INVALID', message, is_transient: false }
    expect(findTruncation(mismatch('incomplete', 60, 20), null)).toEqual({ kind: 'failed', failure })
    expect(findTruncation(mismatch('incomplete', 60, 20), clipTo(21))).toMatchObject({ failure })
    expect(findTruncation(mismatch('incomplete', 60, 20), clipTo(20))).toBeNull()
    expect(findTruncation(mismatch('incomplete', 60, 59), null)).toBeNull()
  })

  test('is not one whose header is wrong, or whose last fragment is missing', () => {
    expect(findTruncation(mismatch('header', 60, 20), null)).toBeNull()
    expect(findTruncation(mismatch('cut', 60, 20), null)).toBeNull()
    expect(findTruncation({ endMismatch: null }, null)).toBeNull()
  })
})

describe('a fault that the output makes up for is a warning:', () => {
  test('an end that is missing', () => {
    const message = 'the input is cut short: its data breaks off after 59.0 s; the output has what is there'
    for (const kind of ['cut', 'incomplete'] as const)
      expect(findInputProblem(mismatch(kind, 60, 59), null)).toEqual({ code: 'INPUT_TRUNCATED', message })
  })

  test('a header that says too little, or too much', () => {
    expect(findInputProblem(mismatch('header', 2, 6), null)).toMatchObject({ code: 'INPUT_DURATION_WRONG' })
    expect(findInputProblem(mismatch('header', 60, 6), null)?.message).toContain('declares 60.0 s')
  })

  test('but not where a clip lies before it', () => {
    expect(findInputProblem(mismatch('cut', 60, 59), clipTo(10))).toBeNull()
    expect(findInputProblem(mismatch('header', 2, 6), clipTo(1))).toBeNull()
    expect(findInputProblem(mismatch('header', 2, 6), clipTo(4))).not.toBeNull()
    expect(findInputProblem({ endMismatch: null }, null)).toBeNull()
  })
})
