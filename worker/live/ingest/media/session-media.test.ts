import { describe, expect, test } from 'vitest'

import { encodeAmf0, toAmfObject } from '../rtmp/amf0-writer.ts'
import { readAmf0 } from '../rtmp/amf0-reader.ts'
import { createSessionMedia, type SessionMedia } from './session-media.ts'

const HEADER = Buffer.from([0x17, 0, 0, 0, 0, 1, 2, 3])
const KEY_FRAME = Buffer.from([0x17, 1, 0, 0, 0, 9])

function open(): SessionMedia {
  return createSessionMedia(0, { capacityBytes: () => 1 << 26, journal: null })
}

function receive(media: SessionMedia, body: Buffer, timestamp = 0, nowMs = timestamp): string | null {
  return media.receive({ type: 9, streamId: 1, timestamp, body }, nowMs)
}

describe('the media of a session', () => {
  test('more than 100 Mb/s over five seconds end the session, a burst of a second does not', () => {
    const media = open()
    const second = Buffer.concat([KEY_FRAME, Buffer.alloc(12_400_000)])
    const burst = Buffer.concat([KEY_FRAME, Buffer.alloc(8_000_000)])
    receive(media, HEADER)
    for (let i = 0; i < 7; i++) expect(receive(media, burst, i)).toBeNull()
    for (let sec = 6; sec < 30; sec++) expect(receive(media, second, sec * 1000)).toBeNull()
    expect(receive(media, second, 29_100)).toBe('the bit rate is above 100 Mb/s')
  })

  test('a codec that changes ends the session, a configuration that changes does not', () => {
    const media = open()
    receive(media, HEADER)
    receive(media, KEY_FRAME)
    const changed = Buffer.concat([HEADER, Buffer.from([4])])
    expect(receive(media, changed, 40)).toBeNull()
    expect(receive(media, KEY_FRAME, 80)).toBeNull()
    expect(media.findStart(0)?.first.next?.bytes.includes(changed)).toBe(true)
    const hevc = Buffer.concat([Buffer.from([0x90]), Buffer.from('hvc1'), Buffer.alloc(9)])
    expect(receive(media, hevc, 120)).toContain('the video codec changed from h264 to hevc')
  })

  test('frames before the configuration, repeated configurations and empty tags are left out', () => {
    const media = open()
    for (const body of [KEY_FRAME, HEADER, KEY_FRAME, HEADER, Buffer.alloc(0)]) receive(media, body)
    const start = media.findStart(null)
    expect(start?.start.video?.includes(HEADER)).toBe(true)
    expect(start?.first.next).toBeNull()
  })

  test('the base is the least of arrival less timestamp, and begins anew where a jump is closed up', () => {
    const media = open()
    receive(media, HEADER, 0, 1000)
    receive(media, KEY_FRAME, 5000, 1000)
    expect(media.baseMs()).toBe(1000)
    receive(media, KEY_FRAME, 5040, 1030)
    expect(media.baseMs()).toBe(990)
    receive(media, KEY_FRAME, 5080, 2000)
    expect(media.baseMs()).toBe(990)
    receive(media, KEY_FRAME, 3_600_000, 20_000)
    expect(media.baseMs()).toBe(20_000 - media.lastTimestampMs())
  })

  test('onMetaData is kept as a script tag, with or without @setDataFrame, and other data is not', () => {
    const metadata = toAmfObject({ encoder: 'x' })
    for (const values of [
      ['@setDataFrame', 'onMetaData', metadata],
      ['onMetaData', metadata],
    ]) {
      const media = open()
      media.receiveData(values)
      media.receiveData(['onTextData', metadata])
      media.receiveData(['onMetaData', 'nothing'])
      receive(media, HEADER)
      receive(media, KEY_FRAME)
      const tag = media.findStart(null)?.start.metadata
      expect(readAmf0(tag?.subarray(11, -4) ?? Buffer.alloc(0))).toEqual(['onMetaData', metadata])
      expect(media.facts(0).encoder).toBe('x')
    }
    const absurd = open()
    absurd.receiveData(readAmf0(encodeAmf0('onMetaData', toAmfObject({ encoder: 'x'.repeat(70_000) }))))
    expect(absurd.facts(0).encoder).toBeNull()
  })
})
