import { expect, test } from 'vitest'

import { formatAttachment } from './attachment.ts'

test.each([
  ['A show', 'A show.mp4', 'A%20show.mp4'],
  ['say "hi"; filename=x', 'say _hi_; filename=x.mp4', 'say%20_hi_%3B%20filename%3Dx.mp4'],
  ['back\\slash', 'back_slash.mp4', 'back_slash.mp4'],
  ['one\r\nSet-Cookie: a=b', 'one__Set-Cookie_ a=b.mp4', 'one__Set-Cookie_%20a%3Db.mp4'],
  ['../../etc/passwd', '_.._etc_passwd.mp4', '_.._etc_passwd.mp4'],
  ['日本の番組', '_____.mp4', '%E6%97%A5%E6%9C%AC%E3%81%AE%E7%95%AA%E7%B5%84.mp4'],
  ['100% (it’s) *', '100_ (it_s) _.mp4', '100%25%20%28it%E2%80%99s%29%20_.mp4'],
  ['gpj.\u202eexe', 'gpj._exe.mp4', 'gpj._exe.mp4'],
  ['a\ud800b', 'a_b.mp4', 'a_b.mp4'],
  [' . ', 'file.mp4', 'file.mp4'],
])('%j is saved as %j, and in UTF-8 as %j', (title, plain, escaped) => {
  expect(formatAttachment(title, 'mp4')).toBe(`attachment; filename="${plain}"; filename*=UTF-8''${escaped}`)
})

test('a name is no longer than file systems take, and is not cut within a character', () => {
  const [, escaped = ''] = /filename\*=UTF-8''(\S+)$/.exec(formatAttachment('📺'.repeat(255), 'mp4')) ?? []
  const name = decodeURIComponent(escaped)
  expect(name).toBe(`${'📺'.repeat(60)}.mp4`)
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
})
