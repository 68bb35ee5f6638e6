import { expect, it } from 'vitest'

import { ENCODING_PROBLEMS } from '../../../../shared/contract/live-problems.ts'
import { REASONS } from '../../rules/reasons.ts'
import { describeReason } from './reasons.ts'

it.each(Object.values({ ...REASONS, ...ENCODING_PROBLEMS }))(
  'the reason "%s" is in the language of a page',
  (reason) => {
    expect(describeReason(reason, 'en')).toBe(reason)
    expect(describeReason(reason, 'ja')).not.toMatch(/[a-z]/)
    expect(describeReason(`${reason}: 12x8`, 'ja')).toBe(`${describeReason(reason, 'ja')}（12x8）`)
  },
)

it('a reason that no code stands for is shown as it is, and said to be in English', () => {
  expect(describeReason('something new', 'ja')).toBe('詳細（英語）：something new')
})
