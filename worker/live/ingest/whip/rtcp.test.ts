import { expect, test } from 'vitest'

import { createMediaClock } from './media-clock.ts'
import {
  composeBitrateLimit,
  composeNack,
  composePictureLoss,
  composeReceiverReport,
  readSenderReports,
} from './rtcp.ts'
import { isRtcp } from './rtp-packet.ts'

const SSRC = 0xa1b2c3d4

test('feedback has the form of its specification', () => {
  expect(composePictureLoss(SSRC).toString('hex')).toBe('81ce000200000001a1b2c3d4')
  expect(composeNack(SSRC, [65_534, 65_535, 3, 40]).toString('hex')).toBe('81cd000400000001a1b2c3d4fffe001100280000')
  // 4,000,000 = 250,000 × 2^4.
  expect(composeBitrateLimit(SSRC, 4_000_000).toString('hex')).toBe('8fce0005000000010000000052454d420113d090a1b2c3d4')
  const report = composeReceiverReport({
    ssrc: SSRC,
    lostShare: 0.25,
    lostPackets: 9,
    highestSequence: 65_540,
    lastReport: { ntpMiddle: 0x12345678, ageMs: 500 },
  })
  expect(report.toString('hex')).toBe('81c9000700000001a1b2c3d44000000900010004000000001234567800008000')
  expect([report, composePictureLoss(1)].every(isRtcp)).toBe(true)
})

/** Returns a sender report of a time of day in ms. */
function composeSenderReport(ntpMs: number, rtpTimestamp: number): Buffer {
  const bytes = Buffer.alloc(28)
  bytes[0] = 0x80
  bytes[1] = 200
  bytes.writeUInt16BE(6, 2)
  bytes.writeUInt32BE(SSRC, 4)
  bytes.writeUInt32BE(Math.floor(ntpMs / 1000), 8)
  bytes.writeUInt32BE(Math.floor(((ntpMs % 1000) * 2 ** 32) / 1000), 12)
  bytes.writeUInt32BE(rtpTimestamp, 16)
  return bytes
}

test('sender reports are found among other messages, and a broken one is ignored', () => {
  const compound = Buffer.concat([composePictureLoss(1), composeSenderReport(5250, 77), Buffer.from([0x80, 200, 0, 9])])
  expect(readSenderReports(compound)).toMatchObject([{ ssrc: SSRC, rtpTimestamp: 77, ntpMs: expect.closeTo(5250, 3) }])
})

test('the picture follows the sound by their reports in small steps, and no time goes back', () => {
  const clock = createMediaClock(1000)
  expect(clock.place('audio', 4_294_967_000, 1000)).toBe(0)
  // The first picture came 100 ms late: at the sender it was as old as the sound.
  expect(clock.place('video', 90_000, 1100)).toBe(100)
  clock.report('audio', { ntpMs: 50_000, rtpTimestamp: 4_294_967_000 })
  clock.report('video', { ntpMs: 50_000, rtpTimestamp: 90_000 })
  const times = Array.from({ length: 100 }, (_, i) => clock.place('video', 90_000 + (i + 1) * 3000, 0))
  expect(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0))).toBe(true)
  expect(times.at(-1)).toBe(Math.round(100 * (3000 / 90)))
  // Over the wrap of 32 bits.
  expect(clock.place('audio', 4_294_967_000 + 48_000 - 2 ** 32, 0)).toBe(1000)
})
