import { expect, test } from 'vitest'

import { buildYtDlpArgs } from './yt-dlp.ts'

test('the URL is last, after --, and cannot be an option', () => {
  expect(buildYtDlpArgs('--exec=reboot', null).slice(-2)).toEqual(['--', '--exec=reboot'])
})

test('configuration, cache and playlists are off, and the proxy is an option', () => {
  expect(buildYtDlpArgs('https://x.test/', 'http://proxy.test:3128').slice(0, -2)).toEqual([
    '--ignore-config',
    '--no-cache-dir',
    '--no-warnings',
    '--no-playlist',
    '--ignore-no-formats-error',
    '--socket-timeout',
    '10',
    '--proxy',
    'http://proxy.test:3128',
    '--dump-json',
  ])
})
