import { En } from 'media-chrome/lang/en'
import { expect, it } from 'vitest'

import { JAPANESE_CONTROLS } from './controls.ts'

it.each(['chapter: {chapterName}', 'Enable captions', 'Disable captions', 'closed captions'])(
  'the label “%s” of a control is in Japanese too',
  (label) => {
    expect(Object.keys(En)).toContain(label)
    expect(JAPANESE_CONTROLS[label]).toMatch(/[\u3040-\u9fff]/)
  },
)

it('a Japanese label is one of a label that media-chrome has, with the same values in it', () => {
  for (const [label, japanese] of Object.entries(JAPANESE_CONTROLS)) {
    expect([label, japanese.match(/\{\w+\}/g)?.toSorted()]).toEqual([label, label.match(/\{\w+\}/g)?.toSorted()])
    expect(Object.keys(En)).toContain(label)
  }
})
