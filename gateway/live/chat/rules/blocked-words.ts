/** Letters that look like others, and marks above letters, make no other word. */
function normalize(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

/** Returns whether a text has one of the words, as a whole word where the word is one of letters that have spaces between. */
export function hasBlockedWord(text: string, words: readonly string[]): boolean {
  if (words.length === 0) return false
  const normal = normalize(text)
  return words.some((word) => includesWord(normal, normalize(word)))
}

/** Scripts that write without spaces between words (Unicode Standard Annex #29 §4). */
const WITHOUT_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

function includesWord(text: string, word: string): boolean {
  if (word === '') return false
  if (WITHOUT_SPACES.test(word)) return text.includes(word)
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!isWordCharacter(text.slice(0, at).at(-1)) && !isWordCharacter(text.at(at + word.length))) return true
  }
  return false
}

function isWordCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character)
}
