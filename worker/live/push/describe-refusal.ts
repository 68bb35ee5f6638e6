/** Why a server does not take a broadcast, or no longer. */
export type PushRefusal = {
  /** `ended_there`: the server has ended the publication. */
  readonly problem: 'key_refused' | 'refused' | 'ended_there'
  readonly reason: string
}

/** What a server answered. */
export type ServerWords = { readonly code: string; readonly description: string }

/** Characters of a server's words. */
const MAX_WORDS = 120
/** Codes and words of refusals that concern the stream key or a password. */
const OF_KEYS =
  /BadName|Publish\.Denied|Publish\.Rejected|unauthori[sz]ed|authori[sz]ation|\bauth\b|authmod|stream ?key/i
const HIDDEN = '…'

/** Describes a server's refusal to the owner. Servers may repeat the key in their words: it is left out. */
export function describeRefusal(words: ServerWords, key: string, wasPublishing: boolean): PushRefusal {
  const detail = [words.description, words.code].map((text) => clean(text, key)).find((text) => text !== '') ?? ''
  const because = detail === '' ? '' : `: ${detail}`
  if (wasPublishing) return { problem: 'ended_there', reason: `the platform ended the broadcast there${because}` }
  if (OF_KEYS.test(`${words.code} ${words.description}`)) {
    return { problem: 'key_refused', reason: `the platform refuses the stream key${because}` }
  }
  return { problem: 'refused', reason: `the platform refuses the broadcast${because}` }
}

/** Returns a server's words without the key, without what is no text, and not too long. */
function clean(words: string, key: string): string {
  const plainKey = key.split('?', 1)[0] ?? ''
  // The longer forms first: they contain the shorter ones.
  const forms = [key, encodeURIComponent(key), plainKey, encodeURIComponent(plainKey)]
  let text = words
  for (const form of forms) if (form !== '') text = text.replaceAll(form, HIDDEN)
  const plain = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return Array.from(plain).slice(0, MAX_WORDS).join('')
}
