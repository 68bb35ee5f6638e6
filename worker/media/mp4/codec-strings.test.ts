import { describe, expect, it } from 'vitest'

import { aacCodecString, av1CodecString, avcCodecString, hevcCodecString } from './codec-strings.ts'

describe('codec strings of known configurations', () => {
  it.each([
    ['4d401f', 'avc1.4d401f'],
    ['64001f', 'avc1.64001f'],
    ['42c00d', 'avc1.42c00d'],
    ['640c28', 'avc1.640c28'],
  ])('H.264 %s', (bytes, codec) => {
    expect(avcCodecString(Buffer.from(bytes, 'hex'))).toBe(codec)
  })

  it.each([
    ['Main, level 3.1, progressive', '01600000009000000000005d', 'hvc1.1.6.L93.90'],
    ['Main, level 4, more than one constraint', '0160000000b0000000000078', 'hvc1.1.6.L120.B0'],
    ['Main 10, level 5, high tier', '2220000000b0000000000196', 'hvc1.2.4.H150.B0.0.0.0.0.1'],
    ['in a profile space, without constraints', '41000000000000000000003c', 'hvc1.A1.0.L60'],
  ])('H.265 %s', (_, bytes, codec) => {
    expect(hevcCodecString(Buffer.from(bytes, 'hex'))).toBe(codec)
  })

  it.each([
    ['Main, level 4.0, 8 bit', '81080c00', 'av01.0.08M.08'],
    ['Main, level 5.1, high tier, 10 bit', '810dcc00', 'av01.0.13H.10'],
    ['Professional, 12 bit', '81486000', 'av01.2.08M.12'],
  ])('AV1 %s', (_, bytes, codec) => {
    expect(av1CodecString(Buffer.from(bytes, 'hex'))).toBe(codec)
  })

  it('AAC Low Complexity', () => {
    expect(aacCodecString(2)).toBe('mp4a.40.2')
  })
})

it('a truncated configuration is a RangeError', () => {
  expect(() => avcCodecString(Buffer.from('64', 'hex'))).toThrow(RangeError)
  expect(() => hevcCodecString(Buffer.from('0160000000', 'hex'))).toThrow(RangeError)
  expect(() => av1CodecString(Buffer.from('81', 'hex'))).toThrow(RangeError)
})
