import { describe, expect, test } from 'vitest'

import { checkRtmpUrl } from './rtmp-url.ts'

const GUARDED = { allowPrivateNetworks: false }
const OPEN = { allowPrivateNetworks: true }

describe('the address of a server of RTMP', () => {
  test.each([
    [
      'rtmp://a.rtmp.youtube.com/live2',
      {
        isSecure: false,
        hostname: 'a.rtmp.youtube.com',
        port: 1935,
        app: 'live2',
        href: 'rtmp://a.rtmp.youtube.com/live2',
      },
    ],
    [
      'RTMPS://Live-API-s.facebook.com:443/rtmp/',
      {
        isSecure: true,
        hostname: 'live-api-s.facebook.com',
        port: 443,
        app: 'rtmp',
        href: 'rtmps://live-api-s.facebook.com:443/rtmp',
      },
    ],
    ['rtmps://live.example.com/app', { isSecure: true, hostname: 'live.example.com', port: 443, app: 'app' }],
    ['rtmp://live.example.com:80/a/b?backup=1', { port: 80, app: 'a/b?backup=1' }],
    ['rtmp://[2606:4700::1111]:1936/app', { hostname: '2606:4700::1111', port: 1936, app: 'app' }],
  ])('%s is read', (text, server) => {
    expect(checkRtmpUrl(text, GUARDED)).toMatchObject({ ok: true, server })
  })

  test.each([
    'http://live.example.com/app',
    'rtmpt://live.example.com/app',
    'file:///etc/passwd',
    'live.example.com/app',
    'rtmp://user:secret@live.example.com/app',
    'rtmp://live.example.com',
    'rtmp://live.example.com/',
    'rtmp:///app',
    'rtmp:app',
    'rtmp://live.example.com:0/app',
    'rtmp://live.example.com:70000/app',
    'rtmp://live.example.com/app#part',
    'rtmp://live.example.com/a b\u0000',
    '--version',
    '',
  ])('%j is refused', (text) => {
    expect(checkRtmpUrl(text, OPEN)).toMatchObject({ ok: false })
  })

  test.each([
    'rtmp://127.0.0.1/app',
    'rtmp://2130706433/app',
    'rtmp://0x7f.1/app',
    'rtmp://0177.0.0.1/app',
    'rtmp://１２７.0.0.1/app',
    'rtmps://10.0.0.7:1936/app',
    'rtmp://169.254.169.254/app',
    'rtmp://[::1]/app',
    'rtmp://[::ffff:10.0.0.7]/app',
    'rtmp://localhost/app',
    'rtmp://ingest.internal/app',
  ])('%s is private: refused, unless private networks are allowed', (text) => {
    expect(checkRtmpUrl(text, GUARDED)).toMatchObject({ ok: false, problem: expect.stringContaining('private') })
    expect(checkRtmpUrl(text, OPEN)).toMatchObject({ ok: true })
  })
})
