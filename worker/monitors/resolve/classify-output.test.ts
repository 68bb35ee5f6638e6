import { describe, expect, test } from 'vitest'

import { classifyStreamlink, classifyYtDlp } from './classify-output.ts'

const HLS = { protocol: 'm3u8_native', vcodec: 'avc1', acodec: 'mp4a', height: 144, tbr: 100 }
const LIVE_URL = 'https://cdn.test/expire/1893456000/id/x/itag/91/index.m3u8'

function ofPage(page: Record<string, unknown>) {
  return classifyYtDlp({ stdout: `${JSON.stringify(page)}\n`, stderr: '' })
}

function ofError(message: string) {
  return classifyYtDlp({ stdout: '', stderr: `ERROR: [youtube] dQw4w9WgXcQ: ${message}\n` })
}

describe('a page that yt-dlp describes', () => {
  test('is live with the lowest HLS format of picture and sound, the title without its time, and the expiry', () => {
    const formats = [
      { ...HLS, url: 'https://cdn.test/720', height: 720, tbr: 2000 },
      { ...HLS, url: 'https://cdn.test/dash', protocol: 'http_dash_segments', height: 72 },
      { ...HLS, url: 'https://cdn.test/sound', vcodec: 'none', height: null },
      { ...HLS, url: 'file:///etc/passwd', height: 1 },
      { ...HLS, url: LIVE_URL },
    ]
    expect(ofPage({ live_status: 'is_live', title: 'News 2030-01-02 03:04', formats })).toEqual({
      kind: 'live',
      source: {
        renditions: [{ url: LIVE_URL, tracks: 'both' }],
        choices: [[{ url: LIVE_URL, tracks: 'both' }], [{ url: 'https://cdn.test/720', tracks: 'both' }]],
        title: 'News',
        by: 'yt-dlp',
        expiresAtMs: 1_893_456_000_000,
      },
    })
  })

  test('is live with both renditions where picture and sound are separate', () => {
    const formats = [
      { ...HLS, url: 'https://cdn.test/v', acodec: 'none' },
      { ...HLS, url: 'https://cdn.test/a', vcodec: 'none', height: null },
    ]
    const resolution = ofPage({ live_status: 'is_live', title: 'x', formats })
    expect(resolution.kind === 'live' && resolution.source.renditions).toEqual([
      { url: 'https://cdn.test/v', tracks: 'picture' },
      { url: 'https://cdn.test/a', tracks: 'sound' },
    ])
  })

  test('is live with the MPD of its DASH formats where it has no HLS', () => {
    const formats = [
      { ...HLS, url: 'https://cdn.test/seg', protocol: 'http_dash_segments', manifest_url: 'file:///etc/passwd' },
      {
        ...HLS,
        url: 'https://cdn.test/seg2',
        protocol: 'http_dash_segments',
        manifest_url: 'https://cdn.test/live.mpd',
      },
    ]
    const renditions = (first: string) => ({ kind: 'live', source: { renditions: [{ url: first, tracks: 'both' }] } })
    expect(ofPage({ title: 'x', formats: formats.slice(1) })).toMatchObject(renditions('https://cdn.test/live.mpd'))
    expect(ofPage({ is_live: true, title: 'x', formats })).toMatchObject(renditions('https://cdn.test/seg'))
    const drm = formats.map((format) => ({ ...format, has_drm: true }))
    expect(ofPage({ live_status: 'is_live', title: 'x', formats: drm })).toMatchObject({ kind: 'blocked' })
  })

  test('is blocked where it is live without HLS and DASH', () => {
    const formats = [{ ...HLS, url: 'https://cdn.test/x', protocol: 'https' }]
    expect(ofPage({ live_status: 'is_live', title: 'x', formats })).toMatchObject({
      kind: 'blocked',
      cause: 'format_unavailable',
    })
  })

  test('is upcoming with its release time', () => {
    expect(
      ofPage({ live_status: 'is_upcoming', title: 'Soon', release_timestamp: 1_893_456_000, formats: [] }),
    ).toEqual({
      kind: 'upcoming',
      releaseAtMs: 1_893_456_000_000,
      title: 'Soon',
    })
  })

  test.each([
    [{ live_status: 'was_live' }, { kind: 'ended', reason: 'was_live' }],
    [{ live_status: 'post_live' }, { kind: 'ended', reason: 'was_live' }],
    [{ live_status: 'not_live' }, { kind: 'ended', reason: 'not_live' }],
    [
      { live_status: null, is_live: false },
      { kind: 'ended', reason: 'not_live' },
    ],
    [
      { live_status: null, duration: 60, formats: [{ ...HLS, url: LIVE_URL }] },
      { kind: 'ended', reason: 'not_live' },
    ],
    [{ live_status: null, is_live: true, formats: [{ ...HLS, url: LIVE_URL }] }, { kind: 'live' }],
    [{ live_status: null, extractor_key: 'Generic', formats: [{ ...HLS, url: LIVE_URL }] }, { kind: 'live' }],
    [{ live_status: null, extractor_key: 'Youtube', formats: [{ ...HLS, url: LIVE_URL }] }, { kind: 'passing' }],
    [{ live_status: 'something_new' }, { kind: 'passing' }],
  ])('with %j is classified', (page, expected) => {
    expect(ofPage({ title: 'x', ...page })).toMatchObject(expected)
  })
})

describe('the message of a resolver', () => {
  const bot = { kind: 'blocked', cause: 'bot_check' }
  test.each([
    ['This live event will begin in 46 minutes.', { kind: 'upcoming' }],
    ['This live event will begin in a few moments.', { kind: 'upcoming' }],
    ['Premieres in 2 hours', { kind: 'upcoming' }],
    ['Scheduled for 1 Jan 2030', { kind: 'upcoming' }],
    ['This live event has ended.', { kind: 'ended', reason: 'was_live' }],
    ['The channel is not currently live', { kind: 'ended', reason: 'not_live' }],
    ['Video unavailable. This video has been removed by the uploader', { kind: 'gone', reason: 'removed' }],
    [
      'Video unavailable. This video is no longer available because the YouTube account associated with this video has been terminated.',
      { kind: 'gone', reason: 'removed' },
    ],
    ["This video has been removed for violating YouTube's Terms of Service", { kind: 'gone', reason: 'removed' }],
    ["Private video. Sign in if you've been granted access to this video", { kind: 'gone', reason: 'private' }],
    ['Video unavailable', { kind: 'gone', reason: 'unavailable' }],
    [
      'Join this channel to get access to members-only content like this video, and other exclusive perks.',
      { kind: 'gone', reason: 'members_only' },
    ],
    ["This video is available to this channel's members on level: Gold", { kind: 'gone', reason: 'members_only' }],
    [
      'Video unavailable. The uploader has not made this video available in your country',
      { kind: 'gone', reason: 'geo_blocked' },
    ],
    [
      'Video unavailable. This video contains content from X, who has blocked it in your country on copyright grounds',
      { kind: 'gone', reason: 'geo_blocked' },
    ],
    ['Sign in to confirm your age. This video may be inappropriate', { kind: 'gone', reason: 'age_restricted' }],
    ['Sign in to confirm you’re not a bot. Use --cookies-from-browser', bot],
    ["Sign in to confirm you're not a bot", bot],
    ['Please solve the captcha challenge', { kind: 'blocked', cause: 'captcha' }],
    [
      "Video unavailable. This content isn't available, try again later. The current session has been rate-limited by YouTube",
      { kind: 'blocked', cause: 'rate_limited' },
    ],
    ['Unable to download webpage: HTTP Error 429: Too Many Requests', { kind: 'blocked', cause: 'rate_limited' }],
    ['Video unavailable. Your IP is likely being blocked by Youtube', { kind: 'blocked', cause: 'ip_blocked' }],
    ['This client requires a PO Token', { kind: 'blocked', cause: 'po_token' }],
    ['Requested format is not available. Use --list-formats', { kind: 'blocked', cause: 'format_unavailable' }],
    [
      'Unable to extract yt initial data; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues',
      { kind: 'blocked', cause: 'resolver_outdated' },
    ],
    ['We are experiencing technical difficulties. Please try again later', { kind: 'passing' }],
    ['Unable to download API page: <urlopen error [Errno -2] Name or service not known>', { kind: 'passing' }],
    ['The read operation timed out', { kind: 'passing' }],
    ['An unknown message', { kind: 'passing' }],
  ])('"%s" is classified', (message, expected) => {
    expect(ofError(message)).toMatchObject(expected)
  })

  test('is reported as one bounded line without the queries of URLs', () => {
    expect(ofError('Private video. Sign in')).toMatchObject({ message: 'dQw4w9WgXcQ: Private video. Sign in' })
    const long = classifyYtDlp({ stdout: '', stderr: `warning\nERROR: ${'x'.repeat(5000)}\n` })
    expect(long.kind === 'passing' && long.message).toBe('x'.repeat(300))
    const cut = ofError(`${'x'.repeat(286)}\u{1F4FA} Private video`)
    expect(cut).toMatchObject({ kind: 'gone', message: `dQw4w9WgXcQ: ${'x'.repeat(286)}` })
    const keyed = ofError('Unsupported URL: https://x.test/captcha?key=secret here')
    expect(keyed).toEqual({ kind: 'passing', message: 'dQw4w9WgXcQ: Unsupported URL: https://x.test/captcha here' })
    expect(classifyYtDlp({ stdout: '', stderr: '' })).toEqual({ kind: 'passing', message: 'failed without a message' })
  })
})

describe('a listing of streamlink', () => {
  const of = (listing: unknown) => classifyStreamlink({ stdout: JSON.stringify(listing, null, 2), stderr: '' })
  const hls = (name: string) => ({ type: 'hls', url: `https://cdn.test/${name}` })

  test('is live with the lowest stream of picture and sound', () => {
    const streams = {
      audio_only: hls('audio'),
      '160p': { type: 'http', url: 'https://cdn.test/mp4' },
      '720p60': hls('720'),
      '240p': hls('240'),
      worst: hls('audio'),
      best: hls('720'),
    }
    expect(of({ plugin: 'x', metadata: { title: 'News' }, streams })).toMatchObject({
      kind: 'live',
      source: { renditions: [{ url: 'https://cdn.test/240' }], title: 'News', by: 'streamlink' },
    })
    expect(of({ streams: { high: hls('high'), low: hls('low'), worst: hls('low'), best: hls('high') } })).toMatchObject(
      {
        source: { renditions: [{ url: 'https://cdn.test/low' }] },
      },
    )
  })

  test('without HLS, or with an error, is classified by its message', () => {
    expect(of({ streams: {} })).toMatchObject({ kind: 'passing' })
    expect(of({ error: 'No plugin can handle URL: http://x.test/' })).toMatchObject({ kind: 'passing' })
    const error = 'Could not get video info - LOGIN_REQUIRED: Sign in to confirm you’re not a bot'
    expect(of({ error })).toMatchObject({ kind: 'blocked', cause: 'bot_check' })
    const offline = 'Could not get video info - LIVE_STREAM_OFFLINE: This live event will begin in 3 hours.'
    expect(of({ error: offline })).toMatchObject({ kind: 'upcoming' })
    expect(classifyStreamlink({ stdout: '', stderr: 'Traceback' })).toEqual({ kind: 'passing', message: 'Traceback' })
  })
})
