/** Looks for the words that a channel blocks. */
export type WordFilter = (text: string) => boolean

/** Scripts that write without spaces between words (Unicode Standard Annex #29 §4). */
const WITHOUT_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u
/** Marks above and below letters of any script; those that make another sound in Japanese are part of the letter. */
const MARKS = /(?![\u{3099}\u{309A}])(?=\p{Script=Inherited})\p{M}/gu
/** Characters that are not shown (Unicode Standard Annex #44, Default_Ignorable_Code_Point; soft hyphens are among them). */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
const KATAKANA = /[\u{30A1}-\u{30F6}]/gu
/** How far a letter of Katakana is behind the one of Hiragana with the same sound. */
const KANA_DISTANCE = 0x60
/** Characters that a pattern would take for something else. */
const SYNTAX = /[\\^$.*+?()[\]{}|/]/gu

/**
 * Creates a filter that returns whether a text has one of the words: as a whole word, or anywhere where the word is of a script
 * without spaces. Looks, marks, case, kana and invisible characters make no other word.
 */
export function createWordFilter(words: readonly string[]): WordFilter {
  const wanted = [...new Set(words.map(normalize))].filter((word) => word !== '')
  if (wanted.length === 0) return () => false
  const anywhere = wanted.filter((word) => WITHOUT_SPACES.test(word))
  const whole = wanted
    .filter((word) => !WITHOUT_SPACES.test(word))
    .map((word) => word.replaceAll(SYNTAX, String.raw`\$&`))
  const pattern =
    whole.length === 0 ? null : new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${whole.join('|')})(?![\p{L}\p{N}])`, 'u')
  return (text) => {
    const normal = normalize(text)
    return anywhere.some((word) => normal.includes(word)) || (pattern?.test(normal) ?? false)
  }
}

/** Returns whether a text has anything that is shown. */
export function isVisible(text: string): boolean {
  return text.replaceAll(INVISIBLE, '').trim() !== ''
}

function normalize(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(MARKS, '').replaceAll(INVISIBLE, '').toLowerCase()
  return plain.replaceAll(KATAKANA, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) - KANA_DISTANCE))
}
