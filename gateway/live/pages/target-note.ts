import type { TargetState } from '../../../shared/contract/live-targets.ts'
import type { TARGET_MESSAGES } from './messages/targets.ts'

/** What a note on a target is made of. */
export type TargetCondition = {
  readonly state: TargetState
  readonly problem: string | null
  readonly reason: string | null
  readonly bit_rate_kbps: number
}

/** Returns how a target is doing, in words. */
export function describeTargetCondition(target: TargetCondition, text: (typeof TARGET_MESSAGES)['en']): string {
  const { state, problem, reason, bit_rate_kbps: kbps } = target
  if (reason !== null) return text.problem(problem, reason)
  if (state === 'live') return text.live(String(Math.round(kbps)))
  return state === 'waiting' ? text.waiting : text.connecting
}
