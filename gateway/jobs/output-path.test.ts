import { posix } from 'node:path'

import { array, assert, constantFrom, property } from 'fast-check'
import { describe, expect, it, test } from 'vitest'

import { endProblem, pathProblem } from './output-path.ts'

describe('an output path', () => {
  it.each([
    'movie.mp4',
    'shows/7/movie.mp4',
    'shows/7/',
    'Ünïcödé/映画 1.mp4',
    '100% sure/50%.mp4',
    'a…b/c..d/e.f.g',
    "it's (a) name, & more+1=2;?#.mp4",
    `${'d'.repeat(200)}/${'e'.repeat(200)}/x.mp4`,
  ])('may be %s', (path) => expect(pathProblem(path)).toBeNull())

  it.each([
    ['', 'empty'],
    ['/', 'relative'],
    ['/etc/passwd', 'relative'],
    ['../x.mp4', 'dot'],
    ['a/../../x.mp4', 'dot'],
    ['a/..', 'dot'],
    ['./x.mp4', 'dot'],
    ['a/./x.mp4', 'dot'],
    ['a/.hidden/x.mp4', 'dot'],
    ['.tallylight/x.mp4', 'dot'],
    ['.TALLYLIGHT/', 'dot'],
    ['a//b.mp4', 'empty parts'],
    ['a//', 'empty parts'],
    ['a/ /b.mp4', 'empty parts'],
    ['a\\..\\x.mp4', 'backslash'],
    ['..\\x.mp4', 'backslash'],
    ['%2e%2e/x.mp4', 'dot'],
    ['%2E./x.mp4', 'dot'],
    ['a/%2e%2e%2fx.mp4', 'dot'],
    ['%252e%252e/x.mp4', 'dot'],
    ['%25252525252e./x.mp4', 'dot'],
    ['%2fetc/passwd', 'relative'],
    ['a%5c..%5cx.mp4', 'backslash'],
    ['a%2f%2fx.mp4', 'empty parts'],
    ['a%00.mp4', 'must hold no escapes (%) of control characters: %00 is one'],
    ['a%250a.mp4', 'must hold no escapes (%) of control characters: %0a is one'],
    ['x%03d.mp4', 'must hold no escapes (%) of control characters: %03 is one'],
    ['x％7F.mp4', 'must hold no escapes (%) of control characters: %7F is one'],
    ['%c0%ae%c0%ae/x.mp4', 'UTF-8'],
    ['．．/x.mp4', 'dot'],
    ['‥/x.mp4', 'dot'],
    ['%EF%BC%8E./x.mp4', 'dot'],
    ['a\0.mp4', 'control'],
    ['a\n.mp4', 'control'],
    ['a\u0085.mp4', 'control'],
    ['a\u{d800}.mp4', 'valid Unicode'],
    [`%${'25'.repeat(30)}2e`, 'again and again'],
    [`${'n'.repeat(201)}.mp4`, 'part longer'],
    ['ü'.repeat(101), 'part longer'],
    ['d/'.repeat(481), 'longer than 960'],
  ])('is refused as %j', (path, why) => expect(pathProblem(path)).toContain(why))

  it('ends in a slash for a set, and in no slash for a single output', () => {
    expect(endProblem('a/', 'hls')).toBeNull()
    expect(endProblem('a/', 'dash')).toBeNull()
    expect(endProblem('a', 'hls')).toContain('must end in a slash')
    expect(endProblem('a/b.mp4', 'single')).toBeNull()
    expect(endProblem('a/', 'single')).toContain('must not end in a slash')
  })

  it.each([
    'master.m3u8',
    'stream_0.M3U8',
    'manifest.mpd',
    'segment_0_000.ts',
    'init_0.m4s',
    'poster.jpg',
    'b.thumbnails.vtt',
  ])('of a single output is not %s, which may belong to a set or to another output in the same folder', (name) => {
    expect(endProblem(`a/${name}`, 'single')).toContain('must not end in')
    expect(endProblem(`a/${name}.mp4`, 'single')).toBeNull()
  })
})

/** Texts made of the parts of paths that lead elsewhere. */
const tricky = array(
  constantFrom('.', '/', '\\', '%', '2e', '2f', '25', '5c', '%2e', '%2F', '%25', 'a', 'é', '．', '‥', '\0', ' '),
  { maxLength: 14 },
)

test('no accepted path leads out of the store or to a hidden file, however often it is decoded', () => {
  assert(
    property(tricky, (parts) => {
      const path = parts.join('')
      if (pathProblem(path) !== null) return
      for (const form of formsOf(path)) {
        const full = posix.join('/root', form.replaceAll('\\', '/'))
        expect(full.startsWith('/root/'), `${path} → ${full}`).toBe(true)
        expect(full).not.toContain('/.')
      }
    }),
    { numRuns: 3000 },
  )
})

/** Returns the forms that stores, proxies and browsers may read a path as. */
function formsOf(path: string): string[] {
  const forms = [path, path.normalize('NFKC')]
  for (let i = 0; i < 12; i++) {
    const last = forms.at(-1) ?? ''
    forms.push(decodeLoosely(last), decodeLoosely(last).normalize('NFKC'))
  }
  return forms
}

/** Decodes the escapes of a path as a lenient server does. */
function decodeLoosely(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (escaped) =>
    Buffer.from(escaped.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}
