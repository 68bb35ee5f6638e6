import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

import { LANGUAGES, type Language } from './messages.ts'

const COOKIE = 'tallylight_language'
const YEAR_SEC = 31_536_000

/** Returns the language of a page: that of `?lang=`, which is kept in a cookie, of the cookie, or of the browser. */
export function chooseLanguage(c: Context): Language {
  const wanted = toLanguage(c.req.query('lang'))
  if (wanted !== null) {
    setCookie(c, COOKIE, wanted, { path: '/', maxAge: YEAR_SEC, sameSite: 'Lax', httpOnly: true })
    return wanted
  }
  return toLanguage(getCookie(c, COOKIE)) ?? acceptedLanguage(c.req.header('accept-language') ?? '')
}

function toLanguage(text: string | undefined): Language | null {
  return LANGUAGES.find((language) => language === text) ?? null
}

/** Returns the best language of an `Accept-Language` header (RFC 9110 §12.5.4). */
function acceptedLanguage(header: string): Language {
  const ranges = header.split(',').map((part) => {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const weight = parameters.map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1]).find(Boolean)
    return { language: toLanguage(tag.split('-')[0]), weight: Number(weight ?? 1) }
  })
  const [best] = ranges
    .filter(({ language, weight }) => language !== null && weight > 0)
    .toSorted((a, b) => b.weight - a.weight)
  return best?.language ?? 'en'
}
