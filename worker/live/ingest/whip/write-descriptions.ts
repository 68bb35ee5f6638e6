import type { OfferedTrack, WhipOffer } from './read-offer.ts'

const RTPMAP: Readonly<Record<OfferedTrack['codec'], string>> = {
  h264: 'H264/90000',
  vp8: 'VP8/90000',
  opus: 'opus/48000/2',
}
/** The feedback of a receiver of video (RFC 4585 §4.2, draft-alvestrand-rmcat-remb-03 §2.1). */
const FEEDBACK = ['goog-remb', 'nack', 'nack pli']
/** The bit rate that Chromium begins with, in kbit/s; it would begin with 300, and with a small picture. */
const START_KBPS = 2000

/**
 * Returns an offer of what was chosen, and of nothing else: its answer then is the answer to the whole offer. The
 * publisher's addresses are left out: it connects, so that it cannot make this server send anything elsewhere.
 */
export function writeOffer({ tracks, setup, iceUser, icePassword, fingerprint }: WhipOffer): string {
  const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0']
  const bundle = `a=group:BUNDLE ${tracks.map(({ mid }) => mid).join(' ')}`
  const transport = [
    `a=ice-ufrag:${iceUser}`,
    `a=ice-pwd:${icePassword}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${setup}`,
  ]
  const sections = tracks.flatMap((track) => [...writeMediaLines(track), ...transport, ...writeTrack(track)])
  return `${[...head, bundle, ...sections].join('\r\n')}\r\n`
}

function writeMediaLines({ codec, payloadType, mid }: OfferedTrack): readonly string[] {
  const kind = codec === 'opus' ? 'audio' : 'video'
  return [`m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadType}`, 'c=IN IP4 0.0.0.0', `a=mid:${mid}`]
}

function writeTrack({ codec, payloadType, parameters, ssrc }: OfferedTrack): readonly string[] {
  const all = [...(parameters === null ? [] : [parameters]), ...(codec === 'opus' ? [] : [startRate()])].join(';')
  return [
    'a=sendonly',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    `a=rtpmap:${payloadType} ${RTPMAP[codec]}`,
    ...(all === '' ? [] : [`a=fmtp:${payloadType} ${all}`]),
    ...(codec === 'opus' ? [] : FEEDBACK.map((one) => `a=rtcp-fb:${payloadType} ${one}`)),
    ...(ssrc === null ? [] : [`a=ssrc:${ssrc} cname:publisher`]),
  ]
}

function startRate(): string {
  return `x-google-start-bitrate=${START_KBPS}`
}

/** Returns an answer whose candidates have other addresses: those by which the public reaches this server. */
export function replaceCandidates(answer: string, addresses: readonly string[], port: number): string {
  if (addresses.length === 0) return answer
  const candidates = addresses.map(
    (address, index) => `a=candidate:${index + 1} 1 UDP ${2_113_937_151 - index} ${address} ${port} typ host`,
  )
  let isPlaced = false
  const lines = answer.split(/\r?\n/).flatMap((line) => {
    if (!line.startsWith('a=candidate:')) return [line]
    if (isPlaced) return []
    isPlaced = true
    return candidates
  })
  return lines.join('\r\n')
}
