import { readFile } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Clip, makeClip } from '../../../shared/testing/clips.ts'
import { demuxFragmentedMp4 } from './fragmented-mp4.ts'
import type { DemuxedSegment } from './media-packet.ts'

/** Boxes of a segment that hold others. */
const CONTAINERS = ['moof', 'traf']

type PlacedBox = { readonly type: string; readonly at: number; readonly size: number }

/** Lists boxes and those within them, each by its position. */
function listBoxes(bytes: Buffer, from = 0, to = bytes.length): PlacedBox[] {
  if (from >= to) return []
  const box = { type: bytes.toString('latin1', from + 4, from + 8), at: from, size: bytes.readUInt32BE(from) }
  const inner = CONTAINERS.includes(box.type) ? listBoxes(bytes, from + 8, from + box.size) : []
  return [box, ...inner, ...listBoxes(bytes, from + box.size, to)]
}

/** Returns a copy of which a function changes every box of a type. */
function changeBoxes(source: Buffer, type: string, change: (bytes: Buffer, at: number, index: number) => void): Buffer {
  const bytes = Buffer.from(source)
  const boxes = listBoxes(bytes).filter((box) => box.type === type)
  for (const [index, { at }] of boxes.entries()) change(bytes, at, index)
  return bytes
}

/** Returns the times and the data of a segment's packets. */
function listPackets({ picture, sound }: DemuxedSegment) {
  const list = ({ packets }: DemuxedSegment['picture']) =>
    packets.map(({ sec, bytes }) => [sec.toFixed(6), bytes.toString('base64')])
  return { picture: list(picture), sound: list(sound) }
}

describe('a segment of two fragments', () => {
  let clip: Clip
  let init: Buffer
  let segment: Buffer
  beforeAll(async () => {
    clip = await makeClip([{ sec: 2 }], { segmentSec: 1, fps: 10, size: '160x90', container: 'fmp4', bFrames: 2 })
    init = await readFile(clip.initPath ?? '')
    segment = Buffer.concat(await Promise.all(clip.segments.map(({ path }) => readFile(path))))
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  const demux = (bytes: Buffer) => listPackets(demuxFragmentedMp4(bytes, init))

  test('goes on where the fragment before ended if decode times are left out', () => {
    const times = (bytes: Buffer) => demux(bytes).picture.map(([sec]) => sec)
    expect(times(segment)).toHaveLength(20)
    const untimed = changeBoxes(segment, 'tfdt', (bytes, at) => bytes.write('free', at + 4))
    expect(times(untimed)).toEqual(times(segment))
  })
})
