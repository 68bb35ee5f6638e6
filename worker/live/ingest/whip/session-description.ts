import { OfferError } from './offer-error.ts'

/** A media section of a session description: its line `m=`, and the attributes below it. */
export type MediaSection = {
  readonly kind: string
  readonly formats: readonly string[]
  readonly attributes: readonly string[]
}

/** A session description (RFC 8866): the attributes of the session, and its media sections. */
export type SessionDescription = {
  readonly attributes: readonly string[]
  readonly sections: readonly MediaSection[]
}

const MAX_LINES = 2000
const MEDIA_LINE = /^(\w{1,20}) \d{1,5}(?:\/\d{1,5})? \S{1,40} (.{1,1000})$/

/**
 * Parses a session description as far as an offer needs it.
 * @throws OfferError
 */
export function parseSessionDescription(text: string): SessionDescription {
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  if (lines[0] !== 'v=0') throw new OfferError('broken', 'the SDP does not begin with v=0')
  if (lines.length > MAX_LINES) throw new OfferError('broken', `the SDP has more than ${MAX_LINES} lines`)
  const attributes: string[] = []
  const sections: { kind: string; formats: readonly string[]; attributes: string[] }[] = []
  for (const [index, line] of lines.entries()) {
    const { type, value } = parseLine(line, index + 1)
    if (type === 'm') sections.push(parseMediaLine(value, index + 1))
    else if (type === 'a') (sections.at(-1)?.attributes ?? attributes).push(value)
  }
  return { attributes, sections }
}

function parseLine(line: string, number: number) {
  const [, type = '', value = ''] = /^([a-z])=(.*)$/.exec(line) ?? []
  if (type === '') throw new OfferError('broken', `line ${number} of the SDP is no line such as a=VALUE`)
  return { type, value }
}

function parseMediaLine(value: string, line: number) {
  const [, kind, formats] = MEDIA_LINE.exec(value) ?? []
  if (kind === undefined || formats === undefined) {
    throw new OfferError('broken', `line ${line} of the SDP is no media line such as m=video 9 UDP/TLS/RTP/SAVPF 96`)
  }
  return { kind, formats: formats.split(' '), attributes: [] }
}

/** Returns the value of the first attribute of a name: `sendonly` has an empty one; `null`: there is none. */
export function findAttribute(attributes: readonly string[], name: string): string | null {
  for (const attribute of attributes) {
    if (attribute === name) return ''
    if (attribute.startsWith(`${name}:`)) return attribute.slice(name.length + 1)
  }
  return null
}

/** Returns the values of all attributes of a name. */
export function listAttributes(attributes: readonly string[], name: string): readonly string[] {
  return attributes.flatMap((one) => (one.startsWith(`${name}:`) ? [one.slice(name.length + 1)] : []))
}
