/** Deepest nesting of arrays and objects that JSON from outside may have: deeper text exhausts the stack of its readers. */
export const MAX_JSON_DEPTH = 32

/** Reports whether JSON text nests arrays and objects deeper than `most`. Text that is not JSON is judged alike. */
export function isNestedBeyond(text: string, most: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') at = findStringEnd(text, at)
    else if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    if (depth > most) return true
  }
  return false
}

/** Returns where the string that begins at `start` ends; the end of the text for one that does not (RFC 8259 §7). */
function findStringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] === '\\') at++
  }
  return text.length
}
