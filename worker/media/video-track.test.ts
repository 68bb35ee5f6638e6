import * as v from 'valibot'
import { expect, test } from 'vitest'

import { FfprobeOutput } from './ffprobe-output.ts'
import { createPacketTally } from './packet-tally.ts'
import { readVideoTrack } from './video-track.ts'

test('reordered frames at the end of the packets read do not make the frame rate variable', () => {
  const rates = { r_frame_rate: '25/1', avg_frame_rate: '25/1', duration: '600' }
  const stream = { index: 0, codec_type: 'video', codec_name: 'h264', width: 160, height: 90, ...rates }
  const { streams } = v.parse(FfprobeOutput, { streams: [stream], format: { format_name: 'mov' } })
  const [track] = streams
  if (track === undefined) throw new Error('there is no track')
  const tally = createPacketTally(streams)
  // Of each three frames, the last is stored first. The two frames before the last one of all were not read.
  const stored = Array.from({ length: 33 }, (_, group) => [3, 1, 2].map((frame) => group * 3 + frame)).flat()
  for (const frame of [0, ...stored, 102])
    tally.add({ stream_index: 0, pts_time: frame / 25, duration_time: 1 / 25, flags: '' })
  expect(readVideoTrack(track, tally.totalsOf(0))).toMatchObject({ isVariableFrameRate: false })
})
