/** The messages of RTCP that a receiver sends and reads (RFC 3550 §6, RFC 4585 §6). */

/** A sender report: the sender's clock at a timestamp of RTP (RFC 3550 §6.4.1). */
export type SenderReport = {
  readonly ssrc: number
  /** The sender's time of day, in ms. */
  readonly ntpMs: number
  /** The middle 32 bits of the sender's time, which a receiver report returns. */
  readonly ntpMiddle: number
  readonly rtpTimestamp: number
}

/** What a receiver report says of a track (RFC 3550 §6.4.1). */
export type ReceptionFacts = {
  readonly ssrc: number
  /** Share of lost packets since the last report, 0 to 1. */
  readonly lostShare: number
  readonly lostPackets: number
  /** The highest sequence number with the number of its wraps, of 32 bits. */
  readonly highestSequence: number
  /** The middle of the last sender report's time, and the time since it came, in ms; `null`: none has come. */
  readonly lastReport: { readonly ntpMiddle: number; readonly ageMs: number } | null
}

const TYPE = { senderReport: 200, receiverReport: 201, transportFeedback: 205, payloadFeedback: 206 } as const
/** Formats of feedback (RFC 4585 §6.2.1, §6.3.1; draft-alvestrand-rmcat-remb-03 §2.2). */
const FORMAT = { nack: 1, pictureLoss: 1, application: 15 } as const
const SENDER_REPORT_BYTES = 28
/** This receiver sends no media; the number only has to differ from those of the sender. */
const OWN_SSRC = 1

/** Returns a request for a key frame (RFC 4585 §6.3.1). */
export function composePictureLoss(ssrc: number): Buffer {
  return composeFeedback(TYPE.payloadFeedback, FORMAT.pictureLoss, ssrc, Buffer.alloc(0))
}

/** Returns a request to send packets again (RFC 4585 §6.2.1). */
export function composeNack(ssrc: number, sequences: readonly number[]): Buffer {
  const entries: { first: number; mask: number }[] = []
  for (const sequence of sequences) {
    const last = entries.at(-1)
    const distance = last === undefined ? 0 : (sequence - last.first) & 0xffff
    if (last !== undefined && distance >= 1 && distance <= 16) last.mask |= 1 << (distance - 1)
    else entries.push({ first: sequence, mask: 0 })
  }
  const body = Buffer.alloc(4 * entries.length)
  for (const [index, { first, mask }] of entries.entries()) {
    body.writeUInt16BE(first, 4 * index)
    body.writeUInt16BE(mask, 4 * index + 2)
  }
  return composeFeedback(TYPE.transportFeedback, FORMAT.nack, ssrc, body)
}

/** Returns an estimate of the bit rate that the sender may use, in bit/s (draft-alvestrand-rmcat-remb-03 §2.2). */
export function composeBitrateLimit(ssrc: number, bitsPerSecond: number): Buffer {
  const exponent = Math.max(0, Math.ceil(Math.log2((bitsPerSecond + 1) / 2 ** 18)))
  const mantissa = Math.floor(bitsPerSecond / 2 ** exponent)
  const body = Buffer.alloc(12)
  body.write('REMB', 'latin1')
  body[4] = 1
  body.writeUIntBE(exponent * 2 ** 18 + mantissa, 5, 3)
  body.writeUInt32BE(ssrc, 8)
  return composeFeedback(TYPE.payloadFeedback, FORMAT.application, 0, body)
}

/** Returns a receiver report (RFC 3550 §6.4.2). */
export function composeReceiverReport({
  ssrc,
  lostShare,
  lostPackets,
  highestSequence,
  lastReport,
}: ReceptionFacts): Buffer {
  const bytes = composeHeader(TYPE.receiverReport, 1, 32)
  bytes.writeUInt32BE(OWN_SSRC, 4)
  bytes.writeUInt32BE(ssrc, 8)
  bytes[12] = Math.min(255, Math.floor(lostShare * 256))
  bytes.writeUIntBE(Math.min(0x7fffff, lostPackets), 13, 3)
  bytes.writeUInt32BE(highestSequence >>> 0, 16)
  bytes.writeUInt32BE(lastReport?.ntpMiddle ?? 0, 24)
  bytes.writeUInt32BE(Math.min(0xffffffff, Math.round(((lastReport?.ageMs ?? 0) * 65_536) / 1000)), 28)
  return bytes
}

/** Returns the sender reports of a compound packet. Bytes that are none are ignored. */
export function readSenderReports(bytes: Buffer): readonly SenderReport[] {
  const reports: SenderReport[] = []
  for (let offset = 0; offset + 4 <= bytes.length;) {
    const size = 4 + 4 * bytes.readUInt16BE(offset + 2)
    const isReport = bytes[offset + 1] === TYPE.senderReport && size >= SENDER_REPORT_BYTES
    if (isReport && offset + SENDER_REPORT_BYTES <= bytes.length) reports.push(readSenderReport(bytes.subarray(offset)))
    offset += size
  }
  return reports
}

function readSenderReport(bytes: Buffer): SenderReport {
  const fraction = bytes.readUInt32BE(12)
  return {
    ssrc: bytes.readUInt32BE(4),
    ntpMs: bytes.readUInt32BE(8) * 1000 + (fraction * 1000) / 2 ** 32,
    ntpMiddle: bytes.readUInt32BE(10),
    rtpTimestamp: bytes.readUInt32BE(16),
  }
}

function composeFeedback(type: number, format: number, ssrc: number, body: Buffer): Buffer {
  const header = composeHeader(type, format, 12 + body.length)
  header.writeUInt32BE(OWN_SSRC, 4)
  header.writeUInt32BE(ssrc, 8)
  body.copy(header, 12)
  return header
}

/** Returns a packet of `size` bytes with its header; `count` is the field of five bits (RFC 3550 §6.4.1). */
function composeHeader(type: number, count: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes[0] = 0x80 | count
  bytes[1] = type
  bytes.writeUInt16BE(size / 4 - 1, 2)
  return bytes
}
