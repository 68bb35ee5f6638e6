import type { AddressPolicy } from '../../shared/net/safe-url.ts'

/** Which addresses may be reached, read anew at each use; `subscribe` is absent where that never changes. */
export type ChangingPolicy = AddressPolicy & {
  /** Calls `onChange` after each change, until the returned function is called. */
  readonly subscribe?: (onChange: () => void) => () => void
}

export type PolicyKeeper = {
  readonly policy: ChangingPolicy
  allowPrivateNetworks(isAllowed: boolean): void
}

/** Creates the policy of a worker. Private addresses are forbidden until its gateway allows them. */
export function createPolicyKeeper(): PolicyKeeper {
  const listeners = new Set<() => void>()
  let isAllowed = false
  return {
    policy: {
      get allowPrivateNetworks() {
        return isAllowed
      },
      subscribe(onChange) {
        // A function of its own: one that subscribes twice is called twice.
        const listener = () => onChange()
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    allowPrivateNetworks(isNowAllowed) {
      if (isNowAllowed === isAllowed) return
      isAllowed = isNowAllowed
      for (const listener of listeners) listener()
    },
  }
}

/** Calls `onForbidden` whenever private addresses become forbidden, until the returned function is called. */
export function whenPrivateForbidden(policy: ChangingPolicy, onForbidden: () => void): () => void {
  const unsubscribe = policy.subscribe?.(() => {
    if (!policy.allowPrivateNetworks) onForbidden()
  })
  return unsubscribe ?? (() => undefined)
}
