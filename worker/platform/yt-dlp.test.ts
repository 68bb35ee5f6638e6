import { expect, test } from 'vitest'

import { ytDlpArgs } from './yt-dlp.ts'

test('the URL stands last, after --, and cannot be an option', () => {
  expect(ytDlpArgs('--exec=reboot', null).slice(-2)).toEqual(['--', '--exec=reboot'])
})

test('no configuration, cache or playlist counts, and the proxy is handed on', () => {
  expect(ytDlpArgs('https://x.test/', 'http://proxy.test:3128').slice(0, -2)).toEqual([
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
