/** The reasons for which a run was requested since the last one, see `Wake`. */
export type WakeReasons = { readonly workers: boolean; readonly everything: boolean }

export const NO_REASONS: WakeReasons = { workers: false, everything: false }

/** Returns the reasons of both requests. */
export function mergeReasons(one: WakeReasons, other: WakeReasons): WakeReasons {
  return { workers: one.workers || other.workers, everything: one.everything || other.everything }
}
