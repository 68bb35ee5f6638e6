/** Longest line of a playlist in UTF-16 units. A longer one is skipped before anything else sees it. */
export const MAX_LINE_LENGTH = 8192

/** A line that is too long, and how it begins. */
export type LongLine = { readonly head: string }

const HEAD_LENGTH = 1024

/**
 * Yields the trimmed lines of a text that are not blank; of one that is too long its beginning. A line ends with CR, LF or
 * both. Linear in the text.
 */
export function* readLines(text: string): Generator<string | LongLine, void> {
  let [feed, carriage] = [-1, -1]
  for (let start = 0; start < text.length;) {
    if (feed < start) feed = indexOrEnd(text, '\n', start)
    if (carriage < start) carriage = indexOrEnd(text, '\r', start)
    const end = Math.min(feed, carriage)
    if (end - start > MAX_LINE_LENGTH) {
      yield { head: text.slice(start, start + HEAD_LENGTH).trim() }
    } else {
      const line = text.slice(start, end).trim()
      if (line !== '') yield line
    }
    start = end + 1
  }
}

/** An attribute list (RFC 8216 §4.2), by the attributes' names. */
export type AttributeList = ReadonlyMap<string, string>

/**
 * Parses an attribute list in one pass. It accepts spaces, a quoted value without its end and, outside quotes, values
 * with commas. Text without a name is skipped.
 */
export function parseAttributes(text: string): AttributeList {
  const attributes = new Map<string, string>()
  let previous: string | null = null
  for (let at = 0; at < text.length;) {
    const equals = text.indexOf('=', at)
    if (equals < 0) break
    const head = text.slice(at, equals)
    const comma = head.lastIndexOf(',')
    // What precedes the name belongs to an unquoted value with commas, such as CODECS=avc1.4d401e,mp4a.40.2.
    if (comma >= 0 && previous !== null) {
      attributes.set(previous, `${attributes.get(previous)},${head.slice(0, comma).trim()}`)
    }
    const name = head.slice(comma + 1).trim()
    const { value, isQuoted, end } = readValue(text, equals + 1)
    attributes.set(name, value)
    previous = isQuoted ? null : name
    at = end + 1
  }
  return attributes
}

/** Reads an attribute's value from `from`. `end`: the index of the comma after it, or the text's length. */
function readValue(text: string, from: number): { value: string; isQuoted: boolean; end: number } {
  let start = from
  while (text[start] === ' ' || text[start] === '\t') start++
  if (text[start] !== '"') {
    const end = indexOrEnd(text, ',', start)
    return { value: text.slice(start, end).trim(), isQuoted: false, end }
  }
  const quote = indexOrEnd(text, '"', start + 1)
  return { value: text.slice(start + 1, quote), isQuoted: true, end: indexOrEnd(text, ',', quote) }
}

function indexOrEnd(text: string, part: string, from: number): number {
  const index = text.indexOf(part, from)
  return index < 0 ? text.length : index
}
