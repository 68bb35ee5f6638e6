import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../../flv/flv-tag.ts'
import { readAudioPayload, readVideoPayload } from '../../flv/media-payload.ts'
import { makeFlvClip, type FlvClip } from '../../testing/flv-clip.ts'
import { toAmfObject } from '../rtmp/amf0-writer.ts'
import { readAudioFormat } from './audio-format.ts'
import { readH264Size } from '../../../media/demux/h264-size.ts'
import { createFactsMeter, type FactsMeter } from './publisher-facts.ts'

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25']

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
})
afterAll(() => clip[Symbol.asyncDispose]())

/** Feeds the tags as if they arrived when their timestamps say, `delayMs` later. */
function feed(meter: FactsMeter, tags: readonly FlvTag[], delayMs: (i: number) => number = () => 0): void {
  for (const [i, { type, timestampMs, body }] of tags.entries()) {
    if (type === TAG_TYPE.script) continue
    const track = type === TAG_TYPE.audio ? 'audio' : 'video'
    const payload = track === 'audio' ? readAudioPayload(body) : readVideoPayload(body)
    if (payload.kind === 'empty') continue
    meter.add({ track, payload, body, timestampMs }, timestampMs + delayMs(i))
  }
}

describe('the facts of a publisher', () => {
  test('are those of what the encoder sends', () => {
    const meter = createFactsMeter(0)
    meter.setMetadata(toAmfObject({ encoder: 'obs-output module\0 30.2', width: 1 }))
    feed(meter, clip.tags)
    const facts = meter.facts(6000)
    expect(facts).toMatchObject({
      video: { codec: 'h264', width: 160, height: 90, fps: 25, keyframe_interval_sec: 1 },
      audio: { codec: 'aac', sample_rate: 44_100, channels: 1 },
      dropped_frames: 0,
      encoder: 'obs-output module 30.2',
    })
    expect(facts.jitter_ms).toBeLessThan(1)
    const bytes = clip.tags
      .filter(({ timestampMs }) => timestampMs >= 1100)
      .reduce((sum, { body }) => sum + body.length, 0)
    expect(facts.bit_rate_kbps).toBeGreaterThan(((bytes * 8) / 5000) * 0.9)
    expect(facts.bit_rate_kbps).toBeLessThan(((bytes * 8) / 5000) * 1.1)
  })

  test('missing frames are counted by the gaps of their timestamps', () => {
    const meter = createFactsMeter(0)
    const isDropped = ({ type, timestampMs }: FlvTag) =>
      type === TAG_TYPE.video && [3000, 3040, 3080, 4200].includes(timestampMs)
    const dropped = clip.tags.filter(isDropped).length
    expect(dropped).toBeGreaterThan(2)
    feed(
      meter,
      clip.tags.filter((tag) => !isDropped(tag)),
    )
    expect(meter.facts(6000).dropped_frames).toBe(dropped)
  })

  test('an uneven arrival is jitter', () => {
    const meter = createFactsMeter(0)
    feed(meter, clip.tags, (i) => (i % 2) * 100)
    expect(meter.facts(6000).jitter_ms).toBeGreaterThan(20)
  })

  test('before the first frame, and for codecs whose headers are not read, the metadata stands in', () => {
    const meter = createFactsMeter(0)
    expect(meter.facts(0)).toMatchObject({ video: null, audio: null, bit_rate_kbps: 0, encoder: null })
    meter.setMetadata(toAmfObject({ width: 1920, height: 1080 }))
    const body = Buffer.concat([Buffer.from([0x90]), Buffer.from('hvc1'), Buffer.alloc(20)])
    meter.add({ track: 'video', payload: readVideoPayload(body), body, timestampMs: 0 }, 0)
    expect(meter.facts(0).video).toMatchObject({ codec: 'hevc', width: 1920, height: 1080 })
    meter.setMetadata(toAmfObject({ width: -5, height: Number.NaN }))
    expect(meter.facts(0).video).toMatchObject({ width: 0, height: 0 })
  })
})

test("an encoder's name is cut between characters", () => {
  const meter = createFactsMeter(0)
  meter.setMetadata(toAmfObject({ encoder: `${'a'.repeat(299)}😀` }))
  expect(meter.facts(0).encoder).toBe('a'.repeat(299))
  meter.setMetadata(toAmfObject({ encoder: `${'a'.repeat(298)}😀b` }))
  expect(meter.facts(0).encoder).toBe(`${'a'.repeat(298)}😀`)
})

describe('the size of a picture', () => {
  test.each([
    ['1920x1080, which is cropped', '1920x1080', []],
    ['odd in blocks', '854x480', ['-profile:v', 'baseline']],
    ['interlaced', '720x576', ['-flags', '+ildct+ilme', '-x264-params', 'tff=1']],
    ['4:4:4', '322x242', ['-pix_fmt', 'yuv444p']],
    ['with own scaling lists', '320x240', ['-x264-params', 'cqm=jvt']],
  ])('%s', async (_name, size, args) => {
    const [width, height] = size.split('x').map(Number)
    await using sized = await makeFlvClip({ sec: 0.2, audio: null, video: [...H264, '-s', size, ...args] })
    const header = sized.tags.find(({ body }) => readVideoPayload(body).kind === 'header')
    expect(readH264Size(header?.body.subarray(5) ?? Buffer.alloc(0))).toEqual({ width, height })
  })

  test('headers that are cut off have a size or none, and cause no error', () => {
    const header = clip.tags.find(
      ({ type, body }) => type === TAG_TYPE.video && readVideoPayload(body).kind === 'header',
    )
    for (let i = 0; i < (header?.body.length ?? 0); i++) readH264Size(header?.body.subarray(5, i) ?? Buffer.alloc(0))
    expect(readH264Size(Buffer.alloc(0))).toBeNull()
    expect(readH264Size(Buffer.from([1, 100, 0, 31, 255, 225, 0, 5, 103, 100]))).toBeNull()
  })
})

test('the format of sound is read of the configurations of AAC and Opus', () => {
  expect(readAudioFormat('aac', Buffer.from([0x12, 0x10]))).toEqual({ sampleRate: 44_100, channels: 2 })
  expect(readAudioFormat('opus', Buffer.from('OpusHead\x01\x02'))).toEqual({ sampleRate: 48_000, channels: 2 })
  expect(readAudioFormat('mp3', Buffer.alloc(0))).toBeNull()
})
