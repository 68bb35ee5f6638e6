import { expect, test } from 'vitest'

import { buildStreamlinkArgs } from './streamlink.ts'

test('the URL is last, after --, and the proxy is an option', () => {
  expect(buildStreamlinkArgs('https://x.test/', 'http://proxy.test:3128')).toEqual([
    '--json',
    '--http-timeout',
    '10',
    '--http-proxy',
    'http://proxy.test:3128',
    '--',
    'https://x.test/',
  ])
})

test("streamlink's own protocols and options within the URL never reach it", () => {
  for (const url of ['hls://file:///etc/passwd', 'file:///etc/passwd', 'httpstream://x.test/']) {
    expect(() => buildStreamlinkArgs(url, null)).toThrow('http(s) URLs only')
  }
  expect(() => buildStreamlinkArgs('--player=sh', null)).toThrow('Invalid URL')
  expect(buildStreamlinkArgs('https://x.test/a.m3u8 verify=False', null).at(-1)).toBe(
    'https://x.test/a.m3u8%20verify=False',
  )
})
