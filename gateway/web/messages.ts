/** The languages of pages. */
export const LANGUAGES = ['en', 'ja'] as const
export type Language = (typeof LANGUAGES)[number]

/** Texts by their keys, in each language. */
export type Catalogue<Texts> = Readonly<Record<Language, Texts>>

/** Returns a catalogue as it is written; a key that one language lacks is a type error. */
export function defineMessages<Texts>(catalogue: {
  readonly en: Texts
  readonly ja: NoInfer<Texts>
}): Catalogue<Texts> {
  return catalogue
}
