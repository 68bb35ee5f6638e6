import type { OutputType } from '../../shared/contract/presets.ts'

/** S3's longest key is 1024 bytes of UTF-8; names of the output's own come to it. */
const MAX_BYTES = 960
/** File systems take 255; a store may lengthen a name while it writes. */
const MAX_PART_BYTES = 200
/** Nobody encodes a name more often than this. */
const MAX_DECODINGS = 8

/**
 * What is wrong with an output's path, in words for the user; `null` where nothing is. It names a file or a folder below
 * the store's root, and must lead there in whatever way a store, a proxy or a browser reads it: no part of it begins
 * with a dot once escapes (RFC 3986 §2.1) are undone and letters that only look different are one (Unicode NFKC), so
 * that nothing climbs and nothing is hidden.
 */
export function pathProblem(path: string): string | null {
  return formProblem(path) ?? climbProblem(path)
}

function formProblem(path: string): string | null {
  if (path === '') return 'must not be empty'
  // Half of a surrogate pair has no UTF-8.
  if (/[\p{Cc}\p{Cs}]/u.test(path)) return 'must hold no control characters, and be valid Unicode'
  if (bytesOf(path) > MAX_BYTES) return `must not be longer than ${MAX_BYTES} bytes`
  if (path.split('/').some((part) => bytesOf(part) > MAX_PART_BYTES)) {
    return `must have no part longer than ${MAX_PART_BYTES} bytes`
  }
  return null
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}

function climbProblem(path: string): string | null {
  let form = path
  for (let decoded = 0; decoded <= MAX_DECODINGS; decoded++) {
    const problem = partProblem(form)
    if (problem !== null) return problem
    const plain = form.normalize('NFKC')
    const [control] = ESCAPED_CONTROL.exec(plain) ?? []
    if (control !== undefined) return `must hold no escapes (%) of control characters: ${control} is one`
    const next = decode(plain)
    if (next === null) return 'must hold no escapes (%) that are not UTF-8'
    if (next === form) return null
    form = next
  }
  return 'must not be escaped again and again'
}

/** A pattern for numbers holds one too: `x%03d.mp4`. */
const ESCAPED_CONTROL = /%(?:[01][\da-f]|7f)/i

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Escapes undone, once; `null`: some are not UTF-8, as a dot in two bytes (RFC 3629 §3). */
function decode(text: string): string | null {
  try {
    return text.replaceAll(/(?:%[\da-f]{2})+/gi, (escapes) =>
      utf8.decode(Uint8Array.from(escapes.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))),
    )
  } catch {
    return null
  }
}

function partProblem(path: string): string | null {
  if (path.startsWith('/')) return 'must be relative: the store has its own root'
  if (path.includes('\\')) return 'must hold no backslash'
  const parts = path.replace(/\/$/, '').split('/')
  if (parts.some((part) => part.trim() === '')) return 'must have no empty parts (//)'
  return parts.some((part) => part.startsWith('.')) ? 'must have no part that begins with a dot, such as ..' : null
}

/** How the files of sets end, and what goes with an output: two jobs to one folder get in each other's way by these alone. */
const NAMES_OF_SETS = /\.(?:m3u8|mpd|ts|m4s|jpg|vtt)$/i

/** The same for how it ends: a set is a folder, with a slash at its end, and a single output is a file that no set has. */
export function endProblem(path: string, type: OutputType): string | null {
  const isFolder = path.endsWith('/')
  if (type === 'single' && isFolder) return 'must not end in a slash: a single output is a file'
  if (type === 'single' && NAMES_OF_SETS.test(path)) {
    return 'must not end in .m3u8, .mpd, .ts, .m4s, .jpg or .vtt: a single output is an MP4 file, and those belong to sets'
  }
  if (type !== 'single' && !isFolder) return `must end in a slash: ${type} is a folder of files`
  return null
}
