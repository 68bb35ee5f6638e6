import { OfferError } from './offer-error.ts'
import {
  findAttribute,
  listAttributes,
  parseSessionDescription,
  type MediaSection,
  type SessionDescription,
} from './session-description.ts'

/** A track of an offer, with the codec that was chosen. */
export type OfferedTrack = {
  readonly mid: string
  readonly codec: 'h264' | 'vp8' | 'opus'
  readonly payloadType: number
  /** Parameters of the codec, as offered. */
  readonly parameters: string | null
  /** The source of its packets; `null` where the offer does not name it. */
  readonly ssrc: number | null
}

/** What a publisher offers over WebRTC, as far as it is used. */
export type WhipOffer = {
  /** Tracks in the order of the offer. */
  readonly tracks: readonly OfferedTrack[]
  /** Its role in the handshake (RFC 8842 §5.2): `actpass` leaves the choice to the answer. */
  readonly setup: string
  readonly iceUser: string
  readonly icePassword: string
  /** SHA-256 of the certificate, with colons. */
  readonly fingerprint: string
}

const NAMES: Readonly<Record<string, OfferedTrack['codec']>> = { h264: 'h264', vp8: 'vp8', opus: 'opus' }
const KNOWN = { video: ['h264', 'vp8'], audio: ['opus'] } as const
const ADVICE = { video: 'H.264 or VP8', audio: 'Opus' } as const

/**
 * Reads an offer: at most one track of video and one of sound, sent over one connection (RFC 9725 §4.2, §4.4.2).
 * @throws OfferError
 */
export function readOffer(sdp: string): WhipOffer {
  const description = parseSessionDescription(sdp)
  const { sections } = description
  for (const { kind } of sections) {
    if (!isMediaKind(kind)) throw broken(`the offer has a section "${kind}": offer one of video and one of audio`)
    if (sections.filter((one) => one.kind === kind).length > 1) throw broken(`the offer has two sections of ${kind}`)
  }
  const [first] = sections
  if (first === undefined || !sections.some(({ kind }) => kind === 'video')) throw broken('the offer has no video')
  if (sections.length > 1) requireBundle(description)
  const tracks = sections.map((section) => readTrack(section, sections.length > 1))
  return { tracks, ...readTransport(description, first) }
}

type MediaKind = keyof typeof KNOWN

function isMediaKind(kind: string): kind is MediaKind {
  return kind === 'video' || kind === 'audio'
}

function broken(message: string): OfferError {
  return new OfferError('broken', message)
}

/** Requires that all sections share a connection (RFC 9143). */
function requireBundle({ attributes, sections }: SessionDescription): void {
  const groups = listAttributes(attributes, 'group').map((group) => group.split(' '))
  const mids = sections.map((section) => findAttribute(section.attributes, 'mid') ?? '')
  if (new Set(mids).size < mids.length) throw broken('the sections of the offer have no names of their own (a=mid)')
  if (groups.some(([name, ...members]) => name === 'BUNDLE' && mids.every((mid) => members.includes(mid)))) return
  throw broken('the offer does not bundle its sections (a=group:BUNDLE)')
}

function readTransport({ attributes }: SessionDescription, { attributes: own }: MediaSection) {
  const find = (name: string, form: RegExp, what: string) => {
    const value = findAttribute(own, name) ?? findAttribute(attributes, name)
    if (value === null) throw broken(`the offer has no ${what} (a=${name})`)
    if (!form.test(value)) throw broken(`the ${what} of the offer is wrong (a=${name})`)
    return value
  }
  const fingerprint = find('fingerprint', /^sha-256 [0-9a-f]{2}(?::[0-9a-f]{2}){31}$/i, 'SHA-256 fingerprint')
  return {
    setup: find('setup', /^(?:actpass|passive|active)$/, 'role in the handshake'),
    iceUser: find('ice-ufrag', /^[A-Za-z0-9+/]{4,256}$/, 'ICE user'),
    icePassword: find('ice-pwd', /^[A-Za-z0-9+/]{22,256}$/, 'ICE password'),
    fingerprint: fingerprint.slice('sha-256 '.length),
  }
}

function readTrack({ kind, formats, attributes }: MediaSection, isOneOfSeveral: boolean): OfferedTrack {
  if (!isMediaKind(kind)) throw broken(`the offer has a section "${kind}"`)
  for (const direction of ['recvonly', 'inactive']) {
    if (findAttribute(attributes, direction) !== null) throw broken(`the ${kind} of the offer is ${direction}`)
  }
  if (findAttribute(attributes, 'rtcp-mux') === null) throw broken(`the ${kind} has no a=rtcp-mux`)
  const mid = findAttribute(attributes, 'mid') ?? ''
  if (!/^[\w+.-]{1,16}$/.test(mid)) throw broken(`the ${kind} has no name (a=mid), or a wrong one`)
  const ssrc = readSource(attributes)
  if (isOneOfSeveral && ssrc === null) throw broken(`the ${kind} does not name its source (a=ssrc)`)
  return { mid, ssrc, ...chooseCodec(kind, formats, attributes) }
}

/** Returns the first source of a track: the one of its media, where another one repeats packets (RFC 5576 §4.2). */
function readSource(attributes: readonly string[]): number | null {
  const [, group] = /^FID (\d{1,10}) /.exec(listAttributes(attributes, 'ssrc-group')[0] ?? '') ?? []
  const [single] = listAttributes(attributes, 'ssrc')
  const value = Number(group ?? /^(\d{1,10}) /.exec(single ?? '')?.[1] ?? Number.NaN)
  return Number.isInteger(value) && value < 2 ** 32 ? value : null
}

type Choice = Pick<OfferedTrack, 'codec' | 'payloadType' | 'parameters'>

function chooseCodec(kind: MediaKind, formats: readonly string[], attributes: readonly string[]): Choice {
  const offered = listAttributes(attributes, 'rtpmap').flatMap((map) => {
    const [, type = '', name = ''] = /^(\d{1,3}) ([\w.-]{1,40})\//.exec(map) ?? []
    return formats.includes(type) && Number(type) < 128 ? [{ payloadType: Number(type), name: name.toLowerCase() }] : []
  })
  const choices = offered.flatMap(({ payloadType, name }) => {
    const codec = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined
    if (codec === undefined) return []
    return [{ codec, payloadType, parameters: findParameters(attributes, payloadType) }]
  })
  const rank = ({ codec, parameters }: Choice) =>
    codec === 'vp8' ? 2 : codec === 'h264' && !/packetization-mode=1/.test(parameters ?? '') ? 1 : 0
  const usable = choices.filter(({ codec }) => KNOWN[kind].some((known) => known === codec))
  const [best] = usable.toSorted((a, b) => rank(a) - rank(b))
  if (best !== undefined) return best
  const names = [...new Set(offered.map(({ name }) => name.slice(0, 20)))].slice(0, 10).join(', ') || 'none'
  throw new OfferError(
    'codec',
    `the ${kind} of the offer has no codec that is known: send ${ADVICE[kind]}, not ${names}`,
  )
}

function findParameters(attributes: readonly string[], payloadType: number): string | null {
  const prefix = `${payloadType} `
  const found = listAttributes(attributes, 'fmtp').find((value) => value.startsWith(prefix))
  const parameters = found?.slice(prefix.length) ?? ''
  return /^[\w=;,.+/ -]{1,300}$/.test(parameters) ? parameters : null
}
