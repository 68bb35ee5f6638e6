import { describe, expect, test } from 'vitest'

import { createProbe } from '../testing/plans.ts'
import type { InputVideo } from './encode-plan.ts'
import { planColors } from './plan-colors.ts'

const UNTAGGED = { transfer: null, primaries: null, space: null, range: null }

function plan(color: Partial<InputVideo['color']>, fields: Partial<InputVideo> = {}) {
  const { video } = createProbe({ ...fields, color: { ...UNTAGGED, ...color } })
  if (video === null) throw new Error('there is no video')
  return planColors(video)
}

describe('SDR', () => {
  test('in BT.709 and BT.601 stays as it is', () => {
    for (const space of ['bt709', 'smpte170m', 'bt470bg'])
      expect(plan({ space, primaries: space, transfer: 'bt709' })).toMatchObject({ sdr: null, hdr: null, matrix: null })
  })

  test.each([
    ['BT.2020', { primaries: 'bt2020', transfer: 'bt709', space: 'bt2020nc' }],
    ['BT.2020 by its primaries alone', { primaries: 'bt2020' }],
    ['BT.2020 by its matrix alone', { space: 'bt2020nc' }],
  ])('in %s is converted to BT.709', (_, color) => {
    expect(plan(color)).toMatchObject({
      sdr: { primaries: 'bt2020', matrix: 'bt2020nc', transfer: 'bt709' },
      matrix: null,
    })
  })

  test('in P3 or with another matrix is converted too', () => {
    expect(plan({ primaries: 'smpte432', transfer: 'iec61966-2-1', space: 'bt709' })).toMatchObject({
      sdr: { primaries: 'smpte432', transfer: 'iec61966-2-1', matrix: 'bt709' },
    })
    expect(plan({ space: 'ycgco' })).toMatchObject({ sdr: { matrix: 'ycgco', primaries: 'bt709' } })
  })

  test('whose colours cannot be converted is refused in words', () => {
    expect(plan({ primaries: 'bt2020', space: 'ictcp' })).toEqual({
      kind: 'unknown',
      reason: 'the colours of the picture (matrix ictcp) cannot be converted',
    })
    expect(plan({ space: 'smpte2085' }).kind).toBe('unknown')
  })

  test('in RGB of BT.2020 is converted from RGB', () => {
    expect(plan({ primaries: 'bt2020' }, { pixFmt: 'gbrp10le' })).toMatchObject({ isRgb: true, sdr: { matrix: 'gbr' } })
  })

  test.each([
    [720, 480, 'smpte170m'],
    [854, 480, 'smpte170m'],
    [768, 576, 'bt470bg'],
    [1024, 576, 'bt470bg'],
    [1280, 720, 'bt709'],
    [1920, 1080, 'bt709'],
  ])('of %i×%i without a matrix has that of its size (%s)', (width, height, matrix) => {
    expect(plan({}, { width, height })).toMatchObject({ matrix })
    expect(plan({ space: 'unknown' }, { width: height, height: width, rotation: 90 })).toMatchObject({ matrix })
  })

  test('without a matrix has that of its primaries, where it states them', () => {
    expect(plan({ primaries: 'bt709' }, { width: 720, height: 480 })).toMatchObject({ matrix: 'bt709' })
  })
})

describe('HDR', () => {
  const hdr = { isHdr: true, bitDepth: 10 }

  test('is tone-mapped from its own or the default colours', () => {
    expect(plan({ transfer: 'arib-std-b67', space: 'reserved' }, hdr)).toMatchObject({
      hdr: { transfer: 'arib-std-b67', primaries: 'bt2020', matrix: 'bt2020nc' },
      sdr: null,
    })
  })

  test('whose matrix cannot be converted is refused in words', () => {
    expect(plan({ transfer: 'smpte2084', space: 'bt2020c' }, hdr)).toMatchObject({ kind: 'unknown' })
  })

  test('whose frames are stored with an odd side is converted in full chroma', () => {
    const planStored = (fields: Partial<InputVideo>) => plan({ transfer: 'smpte2084' }, { ...hdr, ...fields })
    expect(planStored({ stored: { width: 1279, height: 720 } })).toMatchObject({ isOddSized: true })
    expect(planStored({ stored: null, width: 1279 })).toMatchObject({ isOddSized: true })
    expect(planStored({ stored: { width: 1280, height: 720 }, width: 1279 })).toMatchObject({ isOddSized: false })
  })
})
