import * as v from 'valibot'

import { httpUrl, orNull, setting, text, type Env } from '../settings/fields.ts'

const CURRENCIES_FORM = 'must be codes of ISO 4217 such as EUR,USD'

/** `EUR,USD`: codes in any case. */
const Currencies = v.pipe(
  text,
  v.regex(/^[A-Za-z]{3}(?:\s*,\s*[A-Za-z]{3}){0,199}$/, CURRENCIES_FORM),
  v.transform((value): readonly string[] => [...new Set(value.toLowerCase().split(/\s*,\s*/))]),
)

const MAX_FEE_PERCENT = 50
const FEE_FORM = `must be a number from 0 to ${MAX_FEE_PERCENT}, with up to two decimals`

const FeePercent = v.pipe(
  text,
  v.regex(/^\d{1,2}(?:\.\d{1,2})?$/, FEE_FORM),
  v.transform(Number),
  v.maxValue(MAX_FEE_PERCENT, FEE_FORM),
)

const TipEnvironment = v.object({
  STRIPE_SECRET_KEY: setting(
    orNull(v.pipe(text, v.regex(/^[\w-]{8,255}$/, 'must be a secret or restricted key of Stripe, such as sk_live_…'))),
    'Turns tips on: the secret key of a Stripe account, or a restricted key that may write PaymentIntents and Refunds, and read Charges and Disputes.',
  ),
  STRIPE_WEBHOOK_SECRET: setting(
    orNull(v.pipe(text, v.regex(/^\S{8,255}$/, 'must be the signing secret of an endpoint, such as whsec_…'))),
    'Signing secret of the endpoint at Stripe that sends events to `/api/v1/stripe/webhook`.',
  ),
  STRIPE_PUBLISHABLE_KEY: setting(
    orNull(v.pipe(text, v.regex(/^pk_[\w-]{5,250}$/, 'must be a publishable key of Stripe, such as pk_live_…'))),
    'Publishable key of the same account, by which pages take tips. Without it, tips are in the API only.',
  ),
  STRIPE_API_URL: setting(
    orNull(httpUrl),
    "Address of a stand-in for Stripe's API, for tests. Default: https://api.stripe.com.",
  ),
  TIP_CURRENCIES: setting(v.optional(Currencies, 'EUR,USD,GBP'), 'Currencies of tips, as codes of ISO 4217.'),
  TIP_FEE_PERCENT: setting(
    v.optional(FeePercent, '0'),
    'What the platform keeps of a tip, in percent, rounded down to the minor unit.',
  ),
})

/** How Stripe is reached. */
export type StripeSettings = {
  readonly secretKey: string
  readonly webhookSecret: string
  /** `null`: pages take no tips. */
  readonly publishableKey: string | null
  /** `null`: at its own address. */
  readonly apiUrl: string | null
}

/** The settings of tips. */
export type TipSettings = {
  /** `null`: there are no tips. */
  readonly stripe: StripeSettings | null
  /** In lower case. */
  readonly currencies: readonly string[]
  readonly feePercent: number
}

/** The variables of tips, a part of those of live. */
export const TIP_ENTRIES = TipEnvironment.entries

/** Returns the contradictions between the settings of tips. */
export function findTipProblems(env: Env): string[] {
  const { STRIPE_SECRET_KEY: secret, STRIPE_WEBHOOK_SECRET: webhook, STRIPE_PUBLISHABLE_KEY: publishable } = env
  const hasHalf = (secret === undefined) !== (webhook === undefined)
  const isAlone = publishable !== undefined && secret === undefined
  return [
    ...(hasHalf ? ['STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET need each other: set both or none'] : []),
    ...(isAlone ? ['STRIPE_PUBLISHABLE_KEY needs STRIPE_SECRET_KEY'] : []),
  ]
}

/** Returns the settings of tips, from an environment that has no problems. */
export function readTipSettings(raw: Env): TipSettings {
  const env = v.parse(TipEnvironment, raw)
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret } = env
  const { STRIPE_PUBLISHABLE_KEY: publishableKey, STRIPE_API_URL: apiUrl } = env
  return {
    stripe: secretKey === null || webhookSecret === null ? null : { secretKey, webhookSecret, publishableKey, apiUrl },
    currencies: env.TIP_CURRENCIES,
    feePercent: env.TIP_FEE_PERCENT,
  }
}
