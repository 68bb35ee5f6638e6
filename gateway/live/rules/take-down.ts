import { BrokenRule } from '../../errors.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { Visibility } from './visibility.ts'

/** Why a recording was taken down, and who could watch it before. Meanwhile it and its broadcast are private. */
export type TakeDown = {
  readonly at: string
  readonly reason: string
  readonly visibility: { readonly stream: Visibility; readonly archive: Visibility }
}

/** Refuses that the visibility of a recording or a broadcast is changed that was taken down. @throws BrokenRule TAKEN_DOWN */
export function refuseTakenDown({ takeDown }: { readonly takeDown: TakeDown | null }): void {
  if (takeDown === null) return
  const message = `a moderator has taken this recording down: ${takeDown.reason}; its visibility cannot be changed`
  throw new BrokenRule(LIVE_ERRORS.TAKEN_DOWN, message, { details: [{ field: 'visibility', message }] })
}
