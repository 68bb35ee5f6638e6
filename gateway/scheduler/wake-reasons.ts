/** The reasons for which a run was requested since the last one, see `Wake`; `any`: it was requested. */
export type WakeReasons = { readonly any: boolean; readonly workers: boolean; readonly everything: boolean }

export const NO_REASONS: WakeReasons = { any: false, workers: false, everything: false }

/** Returns the reasons of both requests. */
export function mergeReasons(one: WakeReasons, other: WakeReasons): WakeReasons {
  return {
    any: one.any || other.any,
    workers: one.workers || other.workers,
    everything: one.everything || other.everything,
  }
}
