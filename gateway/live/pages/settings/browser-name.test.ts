import { expect, test } from 'vitest'

import { nameBrowser } from './browser-name.ts'

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'

test.each([
  [CHROME, 'Chrome · Windows'],
  [`${CHROME} Edg/131.0.0.0`, 'Edge · Windows'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0', 'Firefox · Linux'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    'Safari · iPhone',
  ],
  ['curl/8.5.0', 'curl'],
])('%s is named', (userAgent, name) => {
  expect(nameBrowser(userAgent)).toBe(name)
})

test.each(['', 'something/1.0', '<script>'])('%s has no name', (userAgent) => {
  expect(nameBrowser(userAgent)).toBeNull()
})
