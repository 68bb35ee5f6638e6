import { describe, expect, it } from 'vitest'

import { parseInputUrl } from './input-url.ts'

const OPEN = { allowPrivateNetworks: true, allowFileInput: true }
const SHARED = { allowPrivateNetworks: false, allowFileInput: false }

describe('an input URL', () => {
  it.each([
    ['https://example.com/a%20b.mp4?token=x#t=3', 'https://example.com/a%20b.mp4?token=x'],
    ["https://example.com/a.mp4?name=UTF-8''b&sig=1#x", "https://example.com/a.mp4?name=UTF-8''b&sig=1"],
    ['HTTP://Example.com:80/a.mov', 'http://example.com/a.mov'],
    ['http://127.0.0.1:9/a.mp4', 'http://127.0.0.1:9/a.mp4'],
    ['s3://a-bucket/shows/7/in.mxf', 's3://a-bucket/shows/7/in.mxf'],
    ['s3://a.bucket_x/what%3F.mp4', 's3://a.bucket_x/what%3F.mp4'],
    ['s3://a-bucket//..a/.b%2e/c..mp4', 's3://a-bucket//..a/.b%2e/c..mp4'],
    ['file:///videos/in.mp4', 'file:///videos/in.mp4'],
  ])('may be %s', (text, read) => expect(parseInputUrl(text, OPEN)).toEqual({ ok: true, read }))

  it.each([
    ['--version', 'not a URL'],
    ['-i', 'not a URL'],
    ['/etc/passwd', 'not a URL'],
    ['a.mp4', 'not a URL'],
    ['http://', 'not a URL'],
    ['concat:http://a/1.ts|http://a/2.ts', 'must be an http'],
    ['concatf:list.txt', 'must be an http'],
    ['hls://https://example.com/a', 'must be an http'],
    ['hls+http://example.com/a', 'must be an http'],
    ['ytsearch:cats', 'must be an http'],
    ['data:video/mp4;base64,AAAA', 'must be an http'],
    ['subfile,,start,0,end,9,,:/etc/passwd', 'not a URL'],
    ['rtmp://example.com/live/x', 'must be an http'],
    ['rtsp://example.com/x', 'must be an http'],
    ['ftp://example.com/x.mp4', 'must be an http'],
    ['pipe:0', 'must be an http'],
    ['lavfi:testsrc', 'must be an http'],
    ['javascript:alert(1)', 'must be an http'],
    ['crypto:http://example.com/x', 'must be an http'],
    ['https://user:pass@example.com/a.mp4', 'credentials'],
    ['https://user@example.com/a.mp4', 'credentials'],
    ['s3://key:secret@bucket/a.mp4', 'credentials'],
    ['https://example.com/live.m3u8', 'playlist'],
    ['https://example.com/LIVE.M3U8?x=.mp4', 'playlist'],
    ['https://example.com/a%2em3u8', 'playlist'],
    ['https://example.com/a.mpd', 'playlist'],
    ['s3://bucket/list.ffconcat', 'playlist'],
    ['file:///videos/list.m3u', 'playlist'],
    ['https://example.com/%00.mp4', 'NUL'],
    ['https://example.com/%ff.mp4', 'UTF-8'],
    ['s3://b/x.mp4', 'bucket'],
    ['s3:///x.mp4', 'bucket'],
    ['s3://bucket', 'object'],
    ['s3://bucket/', 'object'],
    ['s3://bucket/folder/', 'object'],
    ['s3://bucket/a?b.mp4', 'escaped'],
    ['s3://bucket/../x.mp4', 'no part that is . or ..'],
    ['s3://bucket/a/%2e%2E/x.mp4', 'no part that is . or ..'],
    ['s3://bucket/./x.mp4', 'no part that is . or ..'],
    ['s3://bucket/a/.\t./x.mp4', 'no part that is . or ..'],
    ['file://server/share/a.mp4', 'absolute path'],
    ['file:///', 'must name a file'],
    ['file:///videos/', 'must name a file'],
  ])('is refused as %s', (text, problem) => {
    expect(parseInputUrl(text, OPEN)).toEqual({ ok: false, problem: expect.stringContaining(problem) })
  })

  it('may be a file only where that is allowed', () => {
    expect(parseInputUrl('file:///etc/passwd', SHARED)).toMatchObject({
      problem: expect.stringContaining('ALLOW_FILE_INPUT'),
    })
    expect(parseInputUrl('ftp://x/y', SHARED)).toMatchObject({ problem: 'must be an http, https or s3 URL' })
  })
})
