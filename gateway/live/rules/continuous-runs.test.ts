import { expect, test } from 'vitest'

import { isContinuous, tracksOf, type RunBorder } from './continuous-runs.ts'

const SESSION = 'session'
const rung = (change: object) => ({
  name: '720',
  width: 1280,
  height: 720,
  frame_rate: 30,
  codecs: 'avc1.64001f,mp4a.40.2',
  bandwidth: 1,
  ...change,
})
const border = (atMs: number, change: object = {}, session = SESSION): RunBorder => ({
  session,
  atMs,
  rungs: tracksOf([rung(change)]),
})

test.each<[string, RunBorder, boolean]>([
  ['at its end', border(4000), true],
  ['within the rounding of times', border(4020), true],
  ['with another level of its codec', border(4000, { codecs: 'avc1.640028,mp4a.40.2' }), true],
  ['after a gap', border(4030), false],
  ['in another session', border(4000, {}, 'another'), false],
  ['without its sound', border(4000, { codecs: 'avc1.64001f' }), false],
  ['with another codec', border(4000, { codecs: 'hvc1.1.6.L93.B0,mp4a.40.2' }), false],
  ['in another size', border(4000, { width: 960 }), false],
  ['with another rung', border(4000, { name: '480' }), false],
])('a run that begins %s goes on with the one before: %s', (_name, begin, isOn) => {
  expect(isContinuous(border(4000), begin)).toBe(isOn)
})
