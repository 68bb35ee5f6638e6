import { describe, expect, test } from 'vitest'

import { rankRenditions } from './master-playlist.ts'
import { parsePlaylist } from './parse-playlist.ts'
import type { StreamPlaylist, StreamRendition } from '../stream.ts'

const BASE = 'https://cdn.test/live/index.m3u8?key=1'

function media(...lines: string[]): StreamPlaylist {
  const parsed = parsePlaylist(['#EXTM3U', '#EXT-X-TARGETDURATION:4', ...lines, ''].join('\n'), { url: BASE })
  if (parsed.kind !== 'media') throw new Error(`expected a media playlist, not ${JSON.stringify(parsed)}`)
  return parsed.playlist
}

function renditions(...lines: string[]): readonly StreamRendition[] {
  const parsed = parsePlaylist(['#EXTM3U', ...lines, ''].join('\n'), { url: BASE })
  if (parsed.kind !== 'master') throw new Error(`expected a master playlist, not ${JSON.stringify(parsed)}`)
  return rankRenditions(parsed.master)[0] ?? []
}

describe('a media playlist', () => {
  test('has its segments with numbers and absolute URLs', () => {
    const playlist = media(
      '#EXT-X-MEDIA-SEQUENCE:7',
      '#EXTINF:4.004,',
      'a.ts',
      '#EXTINF:2,title',
      '/b.ts?x=1',
      '#EXT-X-ENDLIST',
    )
    expect(playlist).toMatchObject({ targetDurationSec: 4, isEnded: true })
    expect(playlist.segments).toMatchObject([
      { sequence: 7, url: 'https://cdn.test/live/a.ts', durationSec: 4.004 },
      { sequence: 8, url: 'https://cdn.test/b.ts?x=1', durationSec: 2 },
    ])
  })

  test('has segment numbers only with EXT-X-MEDIA-SEQUENCE, also if that is 0', () => {
    expect(media('#EXTINF:4,', 'a.ts').segments[0]?.sequence).toBe(null)
    expect(media('#EXT-X-MEDIA-SEQUENCE:0', '#EXTINF:4,', 'a.ts').segments[0]?.sequence).toBe(0)
  })

  test('may be empty before the stream begins', () => {
    expect(media('#EXT-X-MEDIA-SEQUENCE:0').segments).toEqual([])
  })

  test('derives program date-times forward and back by durations, but not across a discontinuity', () => {
    const at = Date.parse('2030-01-01T00:00:00Z')
    const playlist = media(
      '#EXTINF:4,',
      'a.ts',
      '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00Z',
      '#EXTINF:4,',
      'b.ts',
      '#EXTINF:3.5,',
      'c.ts',
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:4,',
      'd.ts',
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:4,',
      'e.ts',
      '#EXT-X-PROGRAM-DATE-TIME:2030-01-01T01:00:00+01:00',
      '#EXTINF:4,',
      'f.ts',
    )
    const times = playlist.segments.map(({ programDateTimeMs }) => programDateTimeMs)
    expect(times).toEqual([at - 4000, at, at + 4000, null, at - 4000, at])
    expect(playlist.segments.map(({ discontinuity }) => discontinuity)).toEqual([
      false,
      false,
      false,
      true,
      true,
      false,
    ])
  })

  test('ignores an invalid date-time', () => {
    expect(media('#EXT-X-PROGRAM-DATE-TIME:soon', '#EXTINF:4,', 'a.ts').segments[0]?.programDateTimeMs).toBe(null)
  })

  test('continues byte ranges without an offset from the previous one, and has the initialization section', () => {
    const playlist = media(
      '#EXT-X-MAP:URI="all.mp4",BYTERANGE="800@0"',
      '#EXT-X-BYTERANGE:1000@800',
      '#EXTINF:4,',
      'all.mp4',
      '#EXT-X-BYTERANGE:500',
      '#EXTINF:4,',
      'all.mp4',
      '#EXT-X-MAP:URI="init2.mp4"',
      '#EXTINF:4,',
      'c.m4s',
    )
    expect(playlist.segments.map(({ byteRange }) => byteRange)).toEqual([
      { offset: 800, length: 1000 },
      { offset: 1800, length: 500 },
      null,
    ])
    const init = { url: 'https://cdn.test/live/all.mp4', byteRange: { offset: 0, length: 800 } }
    const second = { url: 'https://cdn.test/live/init2.mp4', byteRange: null }
    expect(playlist.segments.map(({ map }) => map)).toEqual([init, init, second])
  })

  test('has the encryption method of each segment, DRM included', () => {
    const encryption = (...lines: string[]) =>
      media(...lines).segments.map(({ encryption: each }) =>
        each?.kind === 'drm' ? each.method : (each?.kind ?? null),
      )
    expect(
      encryption(
        '#EXT-X-KEY:METHOD=AES-128,URI="k"',
        '#EXTINF:4,',
        'a.ts',
        '#EXT-X-KEY:METHOD=NONE',
        '#EXTINF:4,',
        'b.ts',
      ),
    ).toEqual(['aes-128', null])
    expect(
      encryption(
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"',
        '#EXTINF:4,',
        'a.ts',
      ),
    ).toEqual(['SAMPLE-AES'])
  })

  test('announces gaps and leaves out partial segments', () => {
    const playlist = media(
      '#EXT-X-MEDIA-SEQUENCE:5',
      '#EXT-X-GAP',
      '#EXTINF:4,',
      'gone.ts',
      '#EXT-X-PART:DURATION=1,URI="p1.mp4"',
      '#EXTINF:4,',
      'there.ts',
      '#EXT-X-PART:DURATION=1,URI="p2.mp4"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p3.mp4"',
    )
    expect(playlist.segments).toMatchObject([
      { sequence: 5, isGap: true },
      { sequence: 6, url: 'https://cdn.test/live/there.ts' },
    ])
    expect(playlist.segments).toHaveLength(2)
  })
})

describe('a text that is no playlist is invalid, with the reason', () => {
  const list = (line: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${line}\n`
  test.each([
    ['', 'is empty'],
    ['<!DOCTYPE html><html>', 'is HTML'],
    ['<?xml version="1.0"?>\n<MPD type="dynamic">', 'is an MPEG-DASH manifest'],
    [' {"error":"no"}', 'is JSON'],
    ['\u0000\u0001GIF', 'does not begin with #EXTM3U'],
    ['#EXTM3U\n', 'neither segments nor variants'],
    [list('#EXTINF:4,\nfile:///etc/passwd'), 'that is an http(s) URL'],
    [list('#EXTINF:4,\ndata:video/mp2t;base64,AAAA'), 'that is an http(s) URL'],
    [list('#EXTINF:4,\nconcat:a.ts|b.ts'), 'that is an http(s) URL'],
    ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd', 'an http(s) URL'],
    [`#EXTM3U\n${'#'.repeat(17 * 1024 * 1024)}`, 'is larger than'],
  ])('%.40j: %s', (text, reason) => {
    expect(parsePlaylist(text, { url: BASE })).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) })
  })
})

describe('a master playlist', () => {
  const variant = (name: string, attributes: string) => [`#EXT-X-STREAM-INF:${attributes}`, name]

  test('yields the variant of the lowest quality with picture and sound', () => {
    expect(
      renditions(
        ...variant('1080.m3u8', 'BANDWIDTH=5000000,RESOLUTION=1920x1080,CODECS="avc1.640028,mp4a.40.2"'),
        ...variant('240.m3u8', 'BANDWIDTH=300000,RESOLUTION=426x240,CODECS="avc1.4d4015,mp4a.40.2"'),
        ...variant('mute.m3u8', 'BANDWIDTH=200000,RESOLUTION=256x144,CODECS="avc1.4d4015"'),
        ...variant('sound.m3u8', 'BANDWIDTH=64000,CODECS="mp4a.40.2"'),
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,RESOLUTION=64x36,URI="iframes.m3u8"',
      ),
    ).toEqual([{ url: 'https://cdn.test/live/240.m3u8', tracks: 'both', declared: ['picture', 'sound'] }])
  })

  test('yields the variant of the lowest bandwidth where nothing else is declared', () => {
    expect(renditions(...variant('high', 'BANDWIDTH=900'), ...variant('low', 'BANDWIDTH=300'))).toEqual([
      { url: 'https://cdn.test/live/low', tracks: 'both' },
    ])
  })

  test('yields sound alone, or a picture alone, only where there is nothing else', () => {
    const sound = variant('sound', 'BANDWIDTH=64000,CODECS="mp4a.40.2"')
    expect(renditions(...sound)).toEqual([{ url: 'https://cdn.test/live/sound', tracks: 'both', declared: ['sound'] }])
    const mute = variant('mute', 'BANDWIDTH=1,RESOLUTION=2x144,CODECS="avc1.1"')
    expect(renditions(...sound, ...mute)).toEqual([
      { url: 'https://cdn.test/live/mute', tracks: 'both', declared: ['picture'] },
    ])
  })

  test('yields the default sound of the group as a second rendition where it has a separate playlist', () => {
    const group = (name: string, more: string) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="${name}"${more}`
    const picture = variant('v.m3u8', 'BANDWIDTH=300000,RESOLUTION=426x240,CODECS="avc1.4d4015,mp4a.40.2",AUDIO="aac"')
    expect(renditions(group('de', ',URI="de.m3u8"'), group('en', ',DEFAULT=YES,URI="en.m3u8"'), ...picture)).toEqual([
      { url: 'https://cdn.test/live/v.m3u8', tracks: 'picture', declared: ['picture'] },
      { url: 'https://cdn.test/live/en.m3u8', tracks: 'sound', declared: ['sound'] },
    ])
    expect(renditions(group('de', ',URI="de.m3u8"'), group('en', ',DEFAULT=YES'), ...picture)).toMatchObject([
      { tracks: 'both' },
    ])
  })

  test('declares the sound of a group that is inside the variant, and nothing by a variant without codecs', () => {
    const group = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="en",DEFAULT=YES'
    expect(renditions(group, ...variant('v', 'BANDWIDTH=1,AUDIO="aac"'))).toMatchObject([{ declared: ['sound'] }])
    expect(renditions(...variant('v', 'BANDWIDTH=1'))[0]?.declared).toBe(undefined)
  })

  test('has the captions of a variant, the default ones of its group', () => {
    const subtitles = (name: string, more: string) => `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="cc",NAME="${name}"${more}`
    const found = renditions(
      subtitles('de', ',URI="de.m3u8"'),
      subtitles('en', ',DEFAULT=YES,URI="en.m3u8"'),
      ...variant('v', 'BANDWIDTH=1,SUBTITLES="cc"'),
    )
    expect(found).toMatchObject([{ tracks: 'both', captionUrl: 'https://cdn.test/live/en.m3u8' }])
  })

  test('has the variants of the same tracks as backups, in the order of their quality', () => {
    const parsed = parsePlaylist(
      [
        '#EXTM3U',
        ...variant('b', 'BANDWIDTH=2'),
        ...variant('a1', 'BANDWIDTH=1'),
        ...variant('a2', 'BANDWIDTH=1'),
        ...variant('sound', 'BANDWIDTH=0,CODECS="mp4a.40.2"'),
      ].join('\n'),
      { url: BASE },
    )
    const choices = parsed.kind === 'master' ? rankRenditions(parsed.master) : []
    expect(choices.flat().map(({ url }) => url.replace('https://cdn.test/live/', ''))).toEqual(['a1', 'a2', 'b'])
  })

  test('takes a variant for sound alone where its URL is that of a sound too and it does not say otherwise', () => {
    const sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="en",DEFAULT=YES,URI="en.m3u8"'
    const lowest = variant('en.m3u8', 'BANDWIDTH=64000,AUDIO="aac"')
    expect(renditions(sound, ...lowest, ...variant('v.m3u8', 'BANDWIDTH=300000,AUDIO="aac"'))).toMatchObject([
      { url: 'https://cdn.test/live/v.m3u8', tracks: 'picture' },
      { url: 'https://cdn.test/live/en.m3u8', tracks: 'sound' },
    ])
  })

  test.each(['mhm1.0x0D', 'mha1', 'xyz9'])('takes %s beside a picture for sound', (codec) => {
    const low = variant('low', `BANDWIDTH=1,RESOLUTION=640x360,CODECS="hvc1.1,${codec}"`)
    const high = variant('high', 'BANDWIDTH=2,RESOLUTION=1920x1080,CODECS="avc1.4,mp4a.40.2"')
    expect(renditions(...low, ...high)).toMatchObject([{ url: 'https://cdn.test/live/low' }])
    const mute = variant('mute', 'BANDWIDTH=1,RESOLUTION=640x360,CODECS="hvc1.1,stpp.ttml.im1t"')
    expect(renditions(...mute, ...high)).toMatchObject([{ url: 'https://cdn.test/live/high' }])
  })

  test('yields the variant alone where its sound group does not exist', () => {
    expect(renditions(...variant('v', 'BANDWIDTH=1,AUDIO="constructor"'))).toMatchObject([{ tracks: 'both' }])
  })
})
