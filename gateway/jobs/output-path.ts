import type { OutputType } from '../../shared/contract/presets.ts'

/** S3 keys have at most 1024 bytes of UTF-8; the names of an output's files are appended to the path. */
const MAX_BYTES = 960
/** Names have at most 255 bytes on file systems; a store may lengthen a name while it writes. */
const MAX_PART_BYTES = 200
/** A path that is escaped more often is refused. */
const MAX_DECODINGS = 8

/**
 * Returns the problem of an output path, in words for the client; `null`: it is valid. It must name a file or folder
 * below the store's root however a store, proxy or browser reads it: no part begins with a dot, also once escapes
 * (RFC 3986 §2.1) are decoded and characters are normalized (Unicode NFKC).
 */
export function pathProblem(path: string): string | null {
  return formProblem(path) ?? traversalProblem(path)
}

function formProblem(path: string): string | null {
  if (path === '') return 'must not be empty'
  // A lone surrogate cannot be encoded as UTF-8.
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

function traversalProblem(path: string): string | null {
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

/** Also in a number pattern such as `x%03d.mp4`. */
const ESCAPED_CONTROL = /%(?:[01][\da-f]|7f)/i

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes escapes once; `null`: some are not UTF-8, such as a dot in two bytes (RFC 3629 §3). */
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

/** Extensions of the files of sets, and of files beside an output: a single output must not overwrite another job's. */
const NAMES_OF_SETS = /\.(?:m3u8|mpd|ts|m4s|jpg|vtt)$/i

/**
 * Returns the problem of the end of an output path, in words for the client; `null`: it is valid. A set is a folder,
 * whose path ends in a slash; a single output is a file that cannot belong to a set.
 */
export function endProblem(path: string, type: OutputType): string | null {
  const isFolder = path.endsWith('/')
  if (type === 'single' && isFolder) return 'must not end in a slash: a single output is a file'
  if (type === 'single' && NAMES_OF_SETS.test(path)) {
    return 'must not end in .m3u8, .mpd, .ts, .m4s, .jpg or .vtt: a single output is an MP4 file, and those belong to sets'
  }
  if (type !== 'single' && !isFolder) return `must end in a slash: ${type} is a folder of files`
  return null
}
