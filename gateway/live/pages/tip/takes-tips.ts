import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import type { Payments } from '../../tips/payments.ts'
import type { PagesContext } from '../visit.ts'

/** What pages take tips with. */
export type PageTips = { readonly payments: Payments; readonly publishableKey: string }

/** Returns whether pages take tips. */
export function takesTips(context: PagesContext): boolean {
  return findPageTips(context) !== null
}

/** Returns what pages take tips with. @throws BrokenRule NOT_FOUND where they take none */
export function requirePageTips(context: PagesContext): PageTips {
  const found = findPageTips(context)
  if (found === null) throw new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'the pages of this platform take no tips')
  return found
}

function findPageTips({ payments, settings }: PagesContext): PageTips | null {
  const publishableKey = settings.live.tips.stripe?.publishableKey ?? null
  return payments === null || publishableKey === null ? null : { payments, publishableKey }
}
