import { describe, expect, test } from 'vitest'

import { buildPart } from '../testing/build-part.ts'
import { WINDOW } from '../testing/build-window.ts'
import { hasPosition, isTooFar } from './playlist-position.ts'

const window = { ...WINDOW, parts: [buildPart(4, 0), buildPart(4, 1)] }

describe('a blocking reload', () => {
  test.each([
    [{ seq: 3, part: null }, true],
    [{ seq: 3, part: 9 }, true],
    [{ seq: 4, part: 1 }, true],
    [{ seq: 4, part: 2 }, false],
    [{ seq: 4, part: null }, false],
    [{ seq: 5, part: 0 }, false],
  ])('of %o is answered at once: %s', (position, isThere) => {
    expect(hasPosition(window, '360', position)).toBe(isThere)
    expect(hasPosition({ ...window, hasEnded: true }, '360', position)).toBe(true)
  })

  test('of a part after the last one of a segment waits for the first one of the next', () => {
    const whole = [0, 1].map((part) => buildPart(3, part, { duration_sec: 1 }))
    const complete = { ...WINDOW, parts: whole }
    expect(hasPosition(complete, '360', { seq: 3, part: 1 })).toBe(true)
    expect(hasPosition(complete, '360', { seq: 3, part: 2 })).toBe(false)
    expect(hasPosition({ ...complete, parts: [...whole, buildPart(4, 0)] }, '360', { seq: 3, part: 2 })).toBe(true)
  })

  test.each([
    [{ seq: 5, part: null }, false],
    [{ seq: 6, part: null }, true],
    [{ seq: 4, part: 11 }, false],
    [{ seq: 4, part: 12 }, true],
    [{ seq: 5, part: 9 }, false],
    [{ seq: 5, part: 10 }, true],
    [{ seq: 3, part: 99 }, false],
  ])('of %o is too far ahead: %s', (position, isFar) => {
    expect(isTooFar(window, '360', position)).toBe(isFar)
  })
})
