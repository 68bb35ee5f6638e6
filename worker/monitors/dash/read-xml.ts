/**
 * Reads the XML of manifests in one pass over the text, whose time and memory are linear in it. A document type is skipped
 * and its entities are never expanded. Names lose their namespace prefix. Text beside elements is kept for leaves only.
 */

/** An element; `attributeText` is parsed where its attributes are needed. */
export type XmlElement = {
  /** Its name without a prefix. */
  readonly name: string
  readonly attributeText: string
  readonly children: readonly XmlElement[]
  /** The text directly inside, trimmed, without entities. */
  readonly text: string
}

/** `reason` completes "the answer …". */
export type ParsedXml =
  | { readonly kind: 'ok'; readonly root: XmlElement }
  | { readonly kind: 'invalid'; readonly reason: string }

/** Bounds of a document. Twelve hours of a timeline whose segments all differ stay below them. */
const MAX_ELEMENTS = 300_000
const MAX_DEPTH = 32
const MAX_TEXT_LENGTH = 8192
/** Longest text of an element's attributes that is kept: the longest known are references with a token of 2 kB. */
const MAX_ATTRIBUTES_LENGTH = 16 * 1024

type DraftElement = { name: string; attributeText: string; children: DraftElement[]; text: string }

/** The children of all leaves, of which a document may have very many. Nothing is added to it. */
const NO_CHILDREN: DraftElement[] = []

/** The state of a pass over a document. */
type XmlDraft = {
  readonly text: string
  readonly stack: DraftElement[]
  root: DraftElement | null
  count: number
  problem: string | null
}

/** Parses a document. It is invalid where an element has no end, and where it exceeds a bound. */
export function parseXml(text: string): ParsedXml {
  const draft: XmlDraft = { text, stack: [], root: null, count: 0, problem: null }
  for (let at = 0; at < text.length && draft.problem === null;) {
    const open = text.indexOf('<', at)
    appendText(draft, at, open < 0 ? text.length : open)
    if (open < 0) break
    const end = readMarkup(draft, open)
    if (end < 0) draft.problem ??= 'is XML that is cut short'
    at = end
  }
  if (draft.problem !== null) return { kind: 'invalid', reason: draft.problem }
  if (draft.root === null) return { kind: 'invalid', reason: 'is XML without an element' }
  if (draft.stack.length > 0) return { kind: 'invalid', reason: 'is XML that is cut short' }
  return { kind: 'ok', root: draft.root }
}

function appendText({ text, stack }: XmlDraft, from: number, to: number): void {
  const element = stack.at(-1)
  if (element === undefined || element.text.length >= MAX_TEXT_LENGTH) return
  const piece = decodeEntities(text.slice(from, Math.min(to, from + MAX_TEXT_LENGTH)).trim())
  if (piece !== '') element.text += piece
}

/** Reads the markup that begins at `open`. Returns the index after it; negative where it has no end. */
function readMarkup(draft: XmlDraft, open: number): number {
  const { text } = draft
  if (text.startsWith('<!--', open)) return indexAfter(text, '-->', open + 4)
  if (text.startsWith('<?', open)) return indexAfter(text, '?>', open)
  if (text.startsWith('<![CDATA[', open)) {
    const end = text.indexOf(']]>', open)
    const element = draft.stack.at(-1)
    if (end >= 0 && element !== undefined && element.text.length < MAX_TEXT_LENGTH) {
      element.text += text.slice(open + 9, Math.min(end, open + 9 + MAX_TEXT_LENGTH)).trim()
    }
    return end < 0 ? end : end + 3
  }
  if (text.startsWith('<!', open)) return indexAfterDeclaration(text, open)
  if (text.startsWith('</', open)) return readEndTag(draft, open)
  return readStartTag(draft, open)
}

function indexAfter(text: string, part: string, from: number): number {
  const index = text.indexOf(part, from)
  return index < 0 ? index : index + part.length
}

/** Returns the index after a declaration such as DOCTYPE, with its internal subset in brackets. */
function indexAfterDeclaration(text: string, open: number): number {
  const end = text.indexOf('>', open)
  if (end < 0) return end
  // Within the declaration only: a search through the whole text for each of many would be quadratic.
  const bracket = text.slice(open, end).indexOf('[')
  if (bracket < 0) return end + 1
  const subsetEnd = text.indexOf(']', open + bracket)
  return subsetEnd < 0 ? subsetEnd : indexAfter(text, '>', subsetEnd)
}

/** Closes an element. An end tag without its start is passed over. */
function readEndTag({ text, stack }: XmlDraft, open: number): number {
  const end = text.indexOf('>', open)
  if (end < 0) return end
  const name = withoutPrefix(text.slice(open + 2, Math.min(end, open + 2 + MAX_TEXT_LENGTH)).trim())
  const depth = stack.findLastIndex((element) => element.name === name)
  if (depth >= 0) stack.splice(depth)
  return end + 1
}

function readStartTag(draft: XmlDraft, open: number): number {
  const { text, stack } = draft
  const end = findTagEnd(text, open + 1)
  if (end < 0) return end
  const isClosed = text[end - 1] === '/'
  const body = text.slice(open + 1, isClosed ? end - 1 : end)
  const space = body.search(/\s/)
  const name = withoutPrefix(space < 0 ? body : body.slice(0, space))
  const element = {
    name,
    attributeText: space < 0 ? '' : body.slice(space, space + MAX_ATTRIBUTES_LENGTH),
    children: NO_CHILDREN,
    text: '',
  }
  if (++draft.count > MAX_ELEMENTS) draft.problem = `has more than ${MAX_ELEMENTS} elements`
  if (stack.length >= MAX_DEPTH) draft.problem = `has more than ${MAX_DEPTH} levels of elements`
  addChild(stack.at(-1), element)
  draft.root ??= element
  if (!isClosed) stack.push(element)
  return end + 1
}

function addChild(parent: DraftElement | undefined, child: DraftElement): void {
  if (parent === undefined) return
  if (parent.children === NO_CHILDREN) parent.children = []
  parent.children.push(child)
}

/** Returns the index of the `>` that ends a tag, outside of quotes; negative where it has no end. */
function findTagEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === '>') return at
    if (character !== '"' && character !== "'") continue
    at = text.indexOf(character, at + 1)
    if (at < 0) return at
  }
  return -1
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

/** Attributes by name, with their prefix. */
export type XmlAttributes = Pick<ReadonlyMap<string, string>, 'get'>

/** Parses an element's attributes in one pass. Text that is no attribute is skipped. */
export function readAttributes({ attributeText: text }: XmlElement): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (let at = 0; at < text.length;) {
    const equals = text.indexOf('=', at)
    if (equals < 0) break
    let start = equals + 1
    while (/\s/.test(text[start] ?? '')) start++
    const quote = text[start]
    if (quote !== '"' && quote !== "'") {
      at = start
      continue
    }
    const end = text.indexOf(quote, start + 1)
    if (end < 0) break
    const name = text.slice(at, equals).trim().split(/\s/).at(-1) ?? ''
    attributes.set(name, decodeEntities(text.slice(start + 1, end)))
    at = end + 1
  }
  return attributes
}

/** The attributes of elements that apply to many others. */
const ATTRIBUTES = new WeakMap<XmlElement, XmlAttributes>()

/** Returns an element's attributes, parsed once. */
export function attributesOf(element: XmlElement): XmlAttributes {
  const known = ATTRIBUTES.get(element) ?? readAttributes(element)
  ATTRIBUTES.set(element, known)
  return known
}

/** Returns the attributes of several levels: those of lower levels, which come later, replace those above. */
export function inheritAttributes(levels: readonly XmlAttributes[]): XmlAttributes {
  const ordered = levels.toReversed()
  return { get: (name) => ordered.map((level) => level.get(name)).find((value) => value !== undefined) }
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/** Replaces references to characters and the five predefined entities (XML 1.0 §4.6). Others stay as they are. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name) ?? whole
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** The children of elements by name. A search through all of them for each of many would be quadratic. */
const CHILDREN = new WeakMap<XmlElement, ReadonlyMap<string, readonly XmlElement[]>>()

/** Returns an element's children of one name. */
export function childrenNamed(element: XmlElement, name: string): readonly XmlElement[] {
  const known = CHILDREN.get(element) ?? groupByName(element.children)
  CHILDREN.set(element, known)
  return known.get(name) ?? []
}

function groupByName(elements: readonly XmlElement[]): ReadonlyMap<string, readonly XmlElement[]> {
  const groups = new Map<string, XmlElement[]>()
  for (const element of elements) {
    const group = groups.get(element.name)
    if (group === undefined) groups.set(element.name, [element])
    else group.push(element)
  }
  return groups
}

/** Returns an element's first child of one name; `null` without any. */
export function childNamed(element: XmlElement, name: string): XmlElement | null {
  return childrenNamed(element, name)[0] ?? null
}

/** Longest text before the root element in which it is looked for. */
const MAX_PROLOG_LENGTH = 64 * 1024

/** Returns the name of a document's root element, from the beginning of its text; `null` where it is no XML. */
export function findRootName(text: string): string | null {
  const start = text.slice(0, MAX_PROLOG_LENGTH)
  for (let at = 0; at >= 0 && at < start.length;) {
    const rest = start.slice(at, at + 1)
    if (/[\s\uFEFF]/.test(rest)) at++
    else if (start.startsWith('<!--', at)) at = indexAfter(start, '-->', at + 4)
    else if (start.startsWith('<?', at)) at = indexAfter(start, '?>', at)
    else if (start.startsWith('<!', at)) at = indexAfterDeclaration(start, at)
    else return /^<(?:[\w.-]{1,100}:)?([\w.-]{1,100})[\s/>]/.exec(start.slice(at, at + 300))?.[1] ?? null
  }
  return null
}
