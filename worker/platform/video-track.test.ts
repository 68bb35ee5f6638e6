import * as v from 'valibot'
import { expect, test } from 'vitest'

import { createTally, RawMedia } from './raw-media.ts'
import { readVideo } from './video-track.ts'

test('even frames are so also where looking ends between one that is stored early and those that are shown before it', () => {
  const rates = { r_frame_rate: '25/1', avg_frame_rate: '25/1', duration: '600' }
  const stream = { index: 0, codec_type: 'video', codec_name: 'h264', width: 160, height: 90, ...rates }
  const { streams } = v.parse(RawMedia, { streams: [stream], format: { format_name: 'mov' } })
  const [track] = streams
  if (track === undefined) throw new Error('there is no track')
  const tally = createTally(streams)
  // Of each three, the last is stored first; nothing was seen of the two before the last of all.
  const stored = Array.from({ length: 33 }, (_, group) => [3, 1, 2].map((frame) => group * 3 + frame)).flat()
  for (const frame of [0, ...stored, 102])
    tally.add({ stream_index: 0, pts_time: frame / 25, duration_time: 1 / 25, flags: '' })
  expect(readVideo(track, tally.of(0))).toMatchObject({ isVariableFrameRate: false })
})
