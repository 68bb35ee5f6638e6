import { describe, expect, test } from 'vitest'

import { readStatedScan, resolveScan, type SampledFrame } from './scan-type.ts'

function frames(count: number, fields: Partial<SampledFrame> = {}): SampledFrame[] {
  const frame = { isInterlaced: false, isTopFirst: false, repeatedFields: 0, timeSec: 0 }
  return Array.from({ length: count }, () => ({ ...frame, ...fields }))
}

const TOP = { isInterlaced: true, isTopFirst: true }
const BOTTOM = { isInterlaced: true, isTopFirst: false }
const PROGRESSIVE = { kind: 'progressive' } as const
const BY_FRAMES = { kind: 'interlaced', order: null } as const

describe('the frames of a picture and its header', () => {
  test.each([
    ['a header that says nothing and interlaced frames are interlaced', undefined, frames(9, BOTTOM), BY_FRAMES],
    ['a header and frames of the same order are interlaced', 'tt', frames(9, TOP), BY_FRAMES],
    ['a header that says nothing and progressive frames are progressive', 'unknown', frames(9), PROGRESSIVE],
    ['a header without frames counts, with its order', 'bb', [], { kind: 'interlaced', order: 'bottom' }],
    ['neither of them is progressive', undefined, [], PROGRESSIVE],
  ])('agree: %s', (_, header, sampled, scan) => {
    expect(readStatedScan(header, sampled)).toEqual(scan)
  })

  test.each([
    ['the header says progressive, the frames interlaced', 'progressive', frames(9, BOTTOM), BY_FRAMES],
    ['the header says interlaced, the frames progressive', 'tt', frames(9), PROGRESSIVE],
    ['the header says the other order', 'tt', frames(9, BOTTOM), BY_FRAMES],
    ['some frames are interlaced', 'tt', [...frames(5, TOP), ...frames(5)], BY_FRAMES],
    ['the frames have both orders', undefined, [...frames(5, TOP), ...frames(5, BOTTOM)], BY_FRAMES],
  ])('contradict each other: %s', (_, header, sampled, fallback) => {
    expect(readStatedScan(header, sampled)).toEqual({ kind: 'doubtful', fallback })
  })
})

describe('the content of a picture', () => {
  const [combedTop, combedBottom] = [
    { top: 0.02, bottom: 1.9 },
    { top: 2.1, bottom: 0.05 },
  ]
  const smooth = { top: 0.9, bottom: 1.8 }
  const still = { top: 0.001, bottom: 0.002 }
  const doubtful = { kind: 'doubtful', fallback: BY_FRAMES } as const

  test('decides in doubt: interlaced where it is so at any place, in the order that is most frequent', () => {
    expect(resolveScan(doubtful, [smooth, combedBottom])).toEqual({ kind: 'interlaced', order: 'bottom' })
    expect(resolveScan(doubtful, [combedTop, still])).toEqual({ kind: 'interlaced', order: 'top' })
    expect(resolveScan(doubtful, [smooth, still])).toEqual(PROGRESSIVE)
  })

  test('does not decide where nothing moves', () => {
    expect(resolveScan(doubtful, [still, still])).toEqual(BY_FRAMES)
    expect(resolveScan({ ...doubtful, fallback: PROGRESSIVE }, [])).toEqual(PROGRESSIVE)
  })

  test('overrules the order on which header and frames agree, but not that frames are interlaced', () => {
    expect(resolveScan(BY_FRAMES, [combedBottom])).toEqual({ kind: 'interlaced', order: 'bottom' })
    expect(resolveScan(BY_FRAMES, [smooth])).toEqual(BY_FRAMES)
  })

  test('overrules that frames are progressive only where all that moves is combed', () => {
    expect(resolveScan(PROGRESSIVE, [combedTop, combedTop, still])).toEqual({ kind: 'interlaced', order: 'top' })
    expect(resolveScan(PROGRESSIVE, [combedTop, smooth])).toEqual(PROGRESSIVE)
    expect(resolveScan(PROGRESSIVE, [])).toEqual(PROGRESSIVE)
  })
})
