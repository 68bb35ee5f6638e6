import { expect, test } from 'vitest'

import { identifySegmentFormat } from './segment-format.ts'

const packet = Buffer.concat([Buffer.from([0x47]), Buffer.alloc(187)])
const adts = Buffer.from([0xff, 0xf1, 0x50, 0x80])
/** 300 bytes: the size's seven-bit digits are 2 and 44. */
const id3 = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x02\x2c', 'latin1'), Buffer.alloc(300)])

test.each<[string, Uint8Array, string]>([
  ['a transport stream', Buffer.concat([packet, packet]), 'mpegts'],
  ['a transport stream of one packet', packet, 'mpegts'],
  ['an fMP4 segment', Buffer.from('\x00\x00\x00\x18styp'), 'mov'],
  ['an fMP4 fragment', Buffer.from('\x00\x00\x00\x18moof'), 'mov'],
  ['packed AAC', adts, 'aac'],
  ['packed AAC after an ID3 tag', Buffer.concat([id3, adts]), 'aac'],
  ['packed MP3', Buffer.from([0xff, 0xfb, 0x90, 0x64]), 'mp3'],
  ['packed AC-3', Buffer.from([0x0b, 0x77]), 'ac3'],
])('%s is identified by its first bytes', (_, bytes, format) => {
  expect(identifySegmentFormat(bytes)).toMatchObject({ kind: 'media', format })
})

test.each<[string, Uint8Array, string]>([
  ['an empty segment', new Uint8Array(), 'segment is empty'],
  ['a playlist', Buffer.from('\n#EXTM3U\n'), 'segment is a playlist'],
  ['a page', Buffer.from('<!doctype html>'), 'segment is a page, not media'],
  ['an ID3 tag without sound', id3, 'segment is in no known media format'],
  ['a truncated ID3 tag', id3.subarray(0, 8), 'segment is in no known media format'],
  [
    'text that begins like a transport stream',
    Buffer.from(`G${' '.repeat(300)}`),
    'segment is in no known media format',
  ],
])('%s is not media', (_, bytes, problem) => {
  expect(identifySegmentFormat(bytes)).toEqual({ kind: 'other', problem })
})
