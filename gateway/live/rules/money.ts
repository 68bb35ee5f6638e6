/** Currencies whose minor unit is the currency itself, and those of three decimals, as Stripe counts them. */
const WITHOUT_DECIMALS = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '))
const OF_THREE_DECIMALS = new Set('bhd jod kwd omr tnd'.split(' '))

/** Currencies of two decimals at Stripe, which takes whole units of them only. */
const WHOLE_ONLY = new Set('isk ugx'.split(' '))

/**
 * Returns the step of amounts in a currency, in minor units: the last digit of three decimals must be 0
 * (https://docs.stripe.com/currencies).
 */
export function amountStepOf(currency: string): number {
  if (WHOLE_ONLY.has(currency)) return 100
  return OF_THREE_DECIMALS.has(currency) ? 10 : 1
}

/** Returns an amount of minor units as it is read: `12.50 EUR`. */
export function formatMoney(amount: number, currency: string): string {
  const decimals = decimalsOf(currency)
  return `${(amount / 10 ** decimals).toFixed(decimals)} ${currency.toUpperCase()}`
}

/** Returns an amount of minor units as a language writes it: `€12.50`. */
export function formatMoneyIn(
  language: string,
  { amount, currency }: { readonly amount: number; readonly currency: string },
): string {
  const decimals = decimalsOf(currency)
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return new Intl.NumberFormat(language, { style: 'currency', currency, ...digits }).format(amount / 10 ** decimals)
}

/** Returns an amount of minor units as one types it, without decimals that say nothing: `5`, `0.5`. */
export function writeAmount(amount: number, currency: string): string {
  return String(amount / 10 ** decimalsOf(currency))
}

/**
 * Returns what was typed as an amount, such as `5`, `5.50` or `5,50`, also with full-width digits, in minor units; `null`
 * where it is none.
 */
export function parseMoney(text: string, currency: string): number | null {
  const [, whole = '', fraction = ''] = /^(\d{1,9})(?:[.,](\d{1,3}))?$/.exec(text.normalize('NFKC').trim()) ?? []
  const decimals = decimalsOf(currency)
  if (whole === '' || fraction.length > decimals) return null
  return Number(whole + fraction.padEnd(decimals, '0'))
}

function decimalsOf(currency: string): number {
  if (WITHOUT_DECIMALS.has(currency)) return 0
  return OF_THREE_DECIMALS.has(currency) ? 3 : 2
}
