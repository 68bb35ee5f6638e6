/**
 * Rewrites a response as RFC 9112 has it, as far as browsers, curl and ffmpeg read it without: lines that end in LF,
 * folded and unreadable header lines, spaces before a colon, repeated and empty lengths, white space and extensions of
 * chunk sizes, `ICY` for `HTTP/1.0`. Node's lenient parser refuses some of these, and waits for ever after others. What
 * cannot be rewritten passes unchanged, for that parser to refuse. Each byte is read once, and only lines are held back.
 */

/** Most bytes of a response's head, and of the lines after its last chunk, as in browsers. */
export const MAX_HEAD_BYTES = 256 * 1024

/** Rewrites the bytes of one response as they arrive. */
export type ResponseRepair = {
  /** Returns what can be parsed up to these bytes. An incomplete line waits for its end. */
  write(bytes: Buffer): Buffer
  /** Returns what is left at the end of the connection. */
  end(): Buffer
  /** Reports whether bytes followed the end of the response. They are dropped. */
  hasSurplus(): boolean
}

/** What was read up to the end of a line. */
type RepairState = {
  /** The part that the next line belongs to. */
  readonly part: 'head' | 'chunk size' | 'trailer' | 'end'
  /** The lines of an incomplete part, as they came. */
  readonly held: string
  /** What the line, and those held before it, are rewritten to. */
  readonly text: string
  /** Bytes that pass unchanged before the next line; infinite for a body that ends with its connection. */
  readonly byteCount: number
}

const START: RepairState = { part: 'head', held: '', text: '', byteCount: 0 }
const LF = 0x0a

/** Creates the repair of one response and of informational ones before it. */
export function createResponseRepair(): ResponseRepair {
  let state = START
  /** The beginning of an incomplete line. */
  let line = ''
  let bytesToPass = 0
  let surplus = false

  function readLine(bytes: Buffer): string {
    const wasKnown = line.length >= PROTOCOL_LENGTH
    line += bytes.toString('latin1')
    const isForeign = state === START && !wasKnown && isForeignProtocol(line)
    const isTooLong = state.held.length + line.length > MAX_HEAD_BYTES
    if (isForeign || isTooLong) state = passUnchanged(state.held + line)
    else if (bytes.at(-1) === LF) state = afterLine(state, line)
    else return ''
    line = ''
    bytesToPass = state.byteCount
    return state.text
  }

  /** Takes the first bytes, as far as they belong together, and returns how many; `rewritten` takes what they become. */
  function take(bytes: Buffer, rewritten: Buffer[]): number {
    if (bytesToPass > 0) {
      const passed = bytes.subarray(0, Math.min(bytes.length, bytesToPass))
      bytesToPass -= passed.length
      rewritten.push(passed)
      if (bytesToPass === 0 && state.part === 'chunk size') rewritten.push(Buffer.from('\r\n'))
      return passed.length
    }
    surplus = state.part === 'end'
    if (surplus) return bytes.length
    const length = bytes.indexOf(LF) + 1 || bytes.length
    rewritten.push(Buffer.from(readLine(bytes.subarray(0, length)), 'latin1'))
    return length
  }

  return {
    write(bytes) {
      const rewritten: Buffer[] = []
      for (let at = 0; at < bytes.length;) at += take(bytes.subarray(at), rewritten)
      return rewritten.length === 1 && rewritten[0] ? rewritten[0] : Buffer.concat(rewritten)
    },
    // Some servers close the connection instead of ending the trailer.
    end: () => Buffer.from(state.part === 'trailer' ? END_OF_CHUNKS.text : state.held + line, 'latin1'),
    hasSurplus: () => surplus,
  }
}

/** Length of the beginning by which HTTP is known. */
const PROTOCOL_LENGTH = 4

/** Reports whether a first line is not of HTTP, as soon as its beginning is known. */
function isForeignProtocol(line: string): boolean {
  return line.length >= PROTOCOL_LENGTH && !/^(?:http|icy )/i.test(line)
}

const END_OF_CHUNKS: RepairState = { part: 'end', held: '', text: '0\r\n\r\n', byteCount: 0 }

function passUnchanged(text: string): RepairState {
  return { part: 'end', held: '', text, byteCount: Infinity }
}

function afterLine({ part, held }: RepairState, line: string): RepairState {
  const isBlank = line === '\r\n' || line === '\n'
  if (part === 'chunk size') return isBlank ? { part, held, text: '', byteCount: 0 } : afterChunkSize(line)
  if (part === 'trailer' && isBlank) return END_OF_CHUNKS
  // Blank lines before a head do not count.
  if (isBlank) return held === '' ? START : rewriteHead(held)
  if (held === '' && !STATUS_LINE.test(line)) return passUnchanged(line)
  return { part, held: held + line, text: '', byteCount: 0 }
}

function afterChunkSize(line: string): RepairState {
  const [, digits] = /^[ \t]*([\da-f]+)[ \t]*(?:;|\r?\n)/i.exec(line) ?? []
  const size = Number.parseInt(digits ?? '', 16)
  if (!Number.isSafeInteger(size)) return passUnchanged(line)
  if (size === 0) return { part: 'trailer', held: '0\r\n', text: '', byteCount: 0 }
  return { part: 'chunk size', held: '', text: `${size.toString(16)}\r\n`, byteCount: size }
}

const STATUS_LINE = /^(?:http\/?([\d.]*)|icy)[ \t]+(\d{3})(?!\d)/i

/** A line that begins with white space continues the one before it (RFC 9112 §5.2). */
const FOLD = /(?:\r\n?|\n)[ \t]+/g
const LINE_BREAK = /\r\n?|\n/

/** Rewrites a head that begins with a status line, without its blank line. */
function rewriteHead(head: string): RepairState {
  const [first = '', ...lines] = head.replace(FOLD, ' ').split(LINE_BREAK)
  const [, version, status = ''] = STATUS_LINE.exec(first) ?? []
  const fields = lines.flatMap(readField)
  const { framing, ...state } = decideFraming(status, fields)
  const others = fields.filter(({ key }) => !FRAMING_FIELDS.includes(key))
  const rewritten = [...others.map(({ name, value }) => `${name}:${value}`), ...framing, '', ''].join('\r\n')
  return { ...state, held: '', text: `HTTP/${Number(version) >= 1.1 ? '1.1' : '1.0'} ${status} \r\n${rewritten}` }
}

type HeaderField = { readonly name: string; readonly key: string; readonly value: string }

/** Reads a header line; none where its name is not one, for browsers skip it. */
function readField(line: string): readonly HeaderField[] {
  const [, name, value = ''] = /^([\w!#$%&'*+.^`|~-]+)[ \t]*:(.*)$/s.exec(line) ?? []
  return name === undefined ? [] : [{ name, key: name.toLowerCase(), value }]
}

/** Lists the elements of a field that is a list, from all of its lines. */
function listElements(fields: readonly HeaderField[], wanted: string): readonly string[] {
  const values = fields.flatMap(({ key, value }) => (key === wanted ? value.split(',') : []))
  return values.map((value) => value.trim().toLowerCase()).filter((value) => value !== '')
}

const FRAMING_FIELDS = ['transfer-encoding', 'content-length']

type Framing = Pick<RepairState, 'part' | 'byteCount'> & { readonly framing: readonly string[] }

/** Decides where a response ends (RFC 9112 §6.3). Lengths that differ stay, for the parser to refuse. */
function decideFraming(status: string, fields: readonly HeaderField[]): Framing {
  if (status.startsWith('1')) return { part: 'head', byteCount: 0, framing: [] }
  if (status === '204' || status === '304') return { part: 'end', byteCount: 0, framing: [] }
  if (listElements(fields, 'transfer-encoding').includes('chunked'))
    return { part: 'chunk size', byteCount: 0, framing: ['Transfer-Encoding: chunked'] }
  const lengths = new Set(listElements(fields, 'content-length'))
  if (lengths.size === 0) return { part: 'end', byteCount: Infinity, framing: [] }
  const length = [...lengths].join(', ')
  return { part: 'end', byteCount: Number(length), framing: [`Content-Length: ${length}`] }
}
