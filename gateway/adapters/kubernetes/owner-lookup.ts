import type { V1OwnerReference } from '@kubernetes/client-node'

import type { Log } from '../../../shared/log.ts'
import { LaunchRefused } from '../../ports/launcher.ts'
import type { PodClient } from './pod-client.ts'

/**
 * Creates the lookup of the Deployment that owns the Pods as their controller; calls at the same time share one. It
 * resolves with `null` where none is named or may be read, logs the latter once, and throws LauncherUnavailable.
 */
export function createOwnerLookup(
  client: Pick<PodClient, 'getDeploymentUid'>,
  deployment: string | null,
  log: Log,
): () => Promise<V1OwnerReference | null> {
  if (deployment === null) return async () => null
  let isLogged = false
  let lookup: Promise<V1OwnerReference | null> | null = null

  async function lookUp(name: string): Promise<V1OwnerReference | null> {
    try {
      const uid = await client.getDeploymentUid(name)
      isLogged = false
      // `kubectl drain` refuses Pods without a controller. Nothing acts on Pods that a Deployment controls directly.
      return { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true, blockOwnerDeletion: false }
    } catch (error) {
      if (!(error instanceof LaunchRefused)) throw error
      if (!isLogged) log.warn('Deployment could not be read, worker Pods get no owner', { deployment: name, error })
      isLogged = true
      return null
    }
  }

  // Read anew for each launch: a replaced Deployment has another uid, and a Pod whose owner is gone is deleted at once.
  return async () => {
    lookup ??= lookUp(deployment).finally(() => (lookup = null))
    return lookup
  }
}
