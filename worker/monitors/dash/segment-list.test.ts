import { expect, test } from 'vitest'

import { listSegments } from './list-segments.ts'
import { parseMpd } from './read-mpd.ts'

/** Lists the segments of a list with these references, of 2 s each. */
function listReferences(...references: readonly string[]) {
  const urls = references.map((media) => `<SegmentURL media="${media}"/>`).join('')
  const list = `<SegmentList duration="2">${urls}</SegmentList><Representation id="v" codecs="avc1.42c01e"/>`
  const text = `<MPD mediaPresentationDuration="PT${2 * references.length}S"><Period><AdaptationSet mimeType="video/mp4">${list}</AdaptationSet></Period></MPD>`
  const parsed = parseMpd(text, 'https://cdn.example/live/main.mpd')
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return listSegments(parsed.mpd, { id: 'v', tracks: 'picture' }, null, () => null)
}

test('a reference that cannot be used keeps its place, unless none can be', () => {
  const listed = listReferences('a.m4s', 'file:///b.m4s', 'c.m4s')
  expect(listed.map(({ startSec, isUnusable }) => [startSec, isUnusable])).toEqual([
    [0, undefined],
    [2, true],
    [4, undefined],
  ])
  expect(listReferences('file:///a.m4s', 'file:///b.m4s')).toEqual([])
})
