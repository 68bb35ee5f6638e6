import { expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readAmf0 } from '../ingest/rtmp/amf0-reader.ts'
import { encodeAmf0, toAmfObject } from '../ingest/rtmp/amf0-writer.ts'
import { createMediaFeed } from './media-feed.ts'
import { createTargetMedia } from './target-media.ts'

const video = (timestampMs: number, isKey: boolean, packet = 1): FlvTag => ({
  type: TAG_TYPE.video,
  timestampMs,
  body: Buffer.from([isKey ? 0x17 : 0x27, packet, 0, 0, 0, timestampMs & 0xff]),
})
const audio = (timestampMs: number, packet = 1): FlvTag => ({
  type: TAG_TYPE.audio,
  timestampMs,
  body: Buffer.from([0xaf, packet, 1, 2]),
})
const METADATA: FlvTag = {
  type: TAG_TYPE.script,
  timestampMs: 0,
  body: encodeAmf0('onMetaData', toAmfObject({ width: 160 })),
}
const HEADERS = [METADATA, video(0, true, 0), audio(0, 0)]

/** Passes tags through a feed to a publication that begins to listen after the first `missed` ones. */
function publish(tags: readonly FlvTag[], missed = 0, gapBefore: FlvTag | null = null) {
  const feed = createMediaFeed()
  feed.begin()
  for (const tag of tags.slice(0, missed)) feed.add(tag)
  const session = feed.current()
  if (session === null) throw new Error('there is no session')
  const media = createTargetMedia(session)
  const messages: { readonly type: number; readonly timestamp: number; readonly body: Buffer }[] = []
  session.listen({ onTag: (tag) => messages.push(...media.take(tag)), onGap: media.skipToKeyFrame })
  for (const tag of tags.slice(missed)) {
    if (tag === gapBefore) feed.markGap()
    feed.add(tag)
  }
  return messages
}

const timesOf = (messages: ReturnType<typeof publish>) => messages.map(({ type, timestamp }) => [type, timestamp])

test('a publication begins with the newest headers and the next key frame, at time 0', () => {
  const tags = [...HEADERS, video(0, true), audio(20), video(40, false), audio(1995), video(2000, true), audio(1990)]
  const messages = publish([...tags, video(2040, false)], 5)
  expect(timesOf(messages)).toEqual([
    [18, 0],
    [9, 0],
    [8, 0],
    [9, 0],
    [8, 0],
    [9, 40],
  ])
  expect(readAmf0(messages[0]?.body ?? Buffer.alloc(0))[0]).toBe('@setDataFrame')
  expect(messages[3]?.body).toEqual(video(2000, true).body)
})

test('sound without a picture is published from any frame on', () => {
  expect(timesOf(publish([audio(0, 0), audio(100), audio(120)], 1))).toEqual([
    [8, 0],
    [8, 0],
    [8, 20],
  ])
})

test('after a gap it continues with a key frame that is newer than all before, on the same clock', () => {
  const again = video(0, true)
  const tags = [...HEADERS, video(0, true), video(40, false), again, video(40, false), video(80, false)]
  const messages = publish([...tags, video(2000, true), video(2040, false)], 3, again)
  expect(timesOf(messages).filter(([type]) => type === TAG_TYPE.video)).toEqual([
    [9, 0],
    [9, 0],
    [9, 40],
    [9, 2000],
    [9, 2000],
    [9, 2040],
  ])
})
