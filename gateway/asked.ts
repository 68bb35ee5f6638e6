/** What somebody has asked for since the last round, see `Wake`. */
export type Asked = { readonly workers: boolean; readonly everything: boolean }
export const NOTHING_ASKED: Asked = { workers: false, everything: false }

/** What either asks for. */
export function both(one: Asked, other: Asked): Asked {
  return { workers: one.workers || other.workers, everything: one.everything || other.everything }
}
