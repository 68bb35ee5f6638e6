import { expect, test } from 'vitest'

import { createRungPackager } from './rung-packager.ts'

const PART_MS = 333

/** A fragment that begins with a frame at a time, or has sound only. */
function fragment(beginMs: number | null, isIndependent = false) {
  const frames = beginMs === null ? 0 : 10
  return { beginMs, durationSec: PART_MS / 1000, frames, isIndependent, bytes: Buffer.from(String(beginMs)) }
}

/** Adds two seconds of picture, and then sound only. */
function packageStoppedPicture() {
  const packager = createRungPackager(0, () => 1980)
  for (let i = 0; i < 6; i++) packager.add(fragment(i * PART_MS, i === 0))
  for (let i = 0; i < 9; i++) packager.add(fragment(null))
  return packager
}

test('a segment whose picture stops ends at its last frame, without the sound behind it', () => {
  expect(packageStoppedPicture().end(true)).toMatchObject({ startMs: 0, endMs: 1998, frames: 60, parts: { length: 6 } })
})

test('a segment that ends with its session keeps its sound', () => {
  expect(packageStoppedPicture().end(false)).toMatchObject({ endMs: 1998, frames: 60, parts: { length: 15 } })
})

test('a segment ends before the next key frame once it is long enough', () => {
  const packager = createRungPackager(0, () => 1980)
  packager.add(fragment(0, true))
  expect(packager.add(fragment(1000, true)).ended).toBeNull()
  expect(packager.add(fragment(2000, true)).ended).toMatchObject({ startMs: 0, endMs: 2000, parts: { length: 2 } })
})
