import { assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { OfferError } from './offer-error.ts'
import { readOffer } from './read-offer.ts'
import { replaceCandidates, writeOffer } from './write-descriptions.ts'

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':')
const TRANSPORT = [
  'a=ice-ufrag:zYTY',
  'a=ice-pwd:A4442/pbSlTrcEoGaa/7HSWh',
  `a=fingerprint:sha-256 ${FINGERPRINT}`,
  'a=setup:actpass',
]
const AUDIO = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...TRANSPORT, 'a=mid:0', 'a=sendonly', 'a=rtcp-mux']
const OPUS = ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', 'a=ssrc:7 cname:x']
const VIDEO = ['m=video 9 UDP/TLS/RTP/SAVPF 96 103 109', ...TRANSPORT, 'a=mid:1', 'a=sendonly', 'a=rtcp-mux']
const CODECS = [
  'a=rtpmap:96 VP8/90000',
  'a=rtpmap:103 H264/90000',
  'a=fmtp:103 packetization-mode=0;profile-level-id=42001f',
  'a=rtpmap:109 H264/90000',
  'a=fmtp:109 packetization-mode=1;profile-level-id=42e01f',
  'a=ssrc-group:FID 8 9',
  'a=ssrc:8 cname:x',
  'a=candidate:1 1 udp 2122194687 169.254.169.254 80 typ host',
]
const HEAD = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1']
const OFFER = [...HEAD, ...AUDIO, ...OPUS, ...VIDEO, ...CODECS].join('\r\n')

describe('an offer', () => {
  test('of a browser is read: H.264 before VP8, with the packets of whole frames, and Opus', () => {
    const { tracks, iceUser } = readOffer(OFFER)
    expect(tracks).toMatchObject([
      { mid: '0', codec: 'opus', payloadType: 111, ssrc: 7 },
      { mid: '1', codec: 'h264', payloadType: 109, ssrc: 8 },
    ])
    expect(iceUser).toBe('zYTY')
  })

  test('without H.264 falls back to VP8', () => {
    expect(readOffer(OFFER.replaceAll('H264', 'H265')).tracks[1]?.codec).toBe('vp8')
  })

  test.each(['actpass', 'passive', 'active'])('is handed on with its role in the handshake: %s', (role) => {
    const written = writeOffer(readOffer(OFFER.replaceAll('a=setup:actpass', `a=setup:${role}`)))
    expect(written.match(/a=setup:.*/g)).toEqual([`a=setup:${role}`, `a=setup:${role}`])
  })

  test('is handed on without the addresses that it names, and reads the same again', () => {
    const written = writeOffer(readOffer(OFFER))
    expect(written).not.toContain('candidate')
    expect(written).not.toContain('169.254')
    expect(readOffer(written)).toMatchObject({ tracks: [{ payloadType: 111 }, { payloadType: 109 }], iceUser: 'zYTY' })
  })

  test.each([
    ['v=0', 'v=1', 'does not begin with v=0'],
    ['a=group:BUNDLE 0 1', 'a=group:BUNDLE 0', 'a=group:BUNDLE'],
    [/a=ice-ufrag.*/g, 'a=x', 'a=ice-ufrag'],
    [/a=ice-pwd.*/g, 'a=ice-pwd:short', 'a=ice-pwd'],
    [/a=fingerprint.*/g, 'a=fingerprint:sha-1 AB', 'SHA-256'],
    [/a=setup.*/g, 'a=setup:holdconn', 'a=setup'],
    [/a=rtcp-mux/g, 'a=x', 'a=rtcp-mux'],
    ['a=mid:1', 'a=mid:0', 'a=mid'],
    ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'm=video x', 'is no media line'],
    ['m=audio', 'm=application', 'application'],
    ['m=audio', 'm=video', 'two sections of video'],
    [/a=sendonly/g, 'a=recvonly', 'recvonly'],
    [/a=ssrc.*/g, 'a=x', 'a=ssrc'],
    ['s=-', 'nonsense', 'line 3'],
  ])('is refused with what is wrong: %s -> %s', (from, to, reason) => {
    const broken = OFFER.replace(from, to)
    expect(() => readOffer(broken)).toThrow(OfferError)
    expect(() => readOffer(broken)).toThrow(reason)
  })

  test('without a known codec is refused by the names of those that it has', () => {
    const broken = OFFER.replaceAll(/H264|VP8/g, 'AV1')
    expect(() => readOffer(broken)).toThrow('send H.264 or VP8, not av1')
  })

  test('of any text is refused, and nothing else is thrown', () => {
    const isExpected = (text: string) => {
      try {
        return readOffer(text).tracks.length > 0
      } catch (error) {
        return error instanceof OfferError
      }
    }
    assert(property(string({ unit: 'binary', maxLength: 300 }), (text) => isExpected(`v=0\r\n${text}`)))
    const cuts = Array.from({ length: OFFER.length / 7 }, (_, i) => OFFER.slice(0, 7 * i) + OFFER.slice(7 * i + 5))
    expect(cuts.filter((text) => !isExpected(text))).toEqual([])
  })
})

test('an answer names the public addresses instead of its own', () => {
  const answer = ['m=video 8189', 'a=candidate:1 1 UDP 1 10.0.0.7 8189 typ host', 'a=end-of-candidates'].join('\r\n')
  const replaced = replaceCandidates(answer, ['203.0.113.9', '2001:db8::9'], 8189)
  expect(replaced).not.toContain('10.0.0.7')
  expect(replaced.split('\r\n').filter((line) => line.startsWith('a=candidate'))).toEqual([
    'a=candidate:1 1 UDP 2113937151 203.0.113.9 8189 typ host',
    'a=candidate:2 1 UDP 2113937150 2001:db8::9 8189 typ host',
  ])
  expect(replaceCandidates(answer, [], 8189)).toBe(answer)
})
