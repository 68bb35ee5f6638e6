import type { V1OwnerReference } from '@kubernetes/client-node'

import type { Log } from '../../../shared/log.ts'
import { LaunchRefused } from '../../ports/launcher.ts'
import type { PodClient } from './pod-client.ts'

/**
 * Creates the lookup of the Deployment that owns the Pods, which is read once and again only after an error.
 * It resolves with `null` if no Deployment is named or may be read, logs the latter once, and throws LauncherUnavailable.
 */
export function createOwnerLookup(
  client: Pick<PodClient, 'getDeploymentUid'>,
  deployment: string | null,
  log: Log,
): () => Promise<V1OwnerReference | null> {
  if (deployment === null) return async () => null
  let lookup: Promise<V1OwnerReference | null> | null = null
  return async () => {
    lookup ??= lookUpOwner(client, deployment, log)
    try {
      return await lookup
    } catch (error) {
      lookup = null
      throw error
    }
  }
}

async function lookUpOwner(
  client: Pick<PodClient, 'getDeploymentUid'>,
  name: string,
  log: Log,
): Promise<V1OwnerReference | null> {
  try {
    const uid = await client.getDeploymentUid(name)
    return { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: false }
  } catch (error) {
    if (!(error instanceof LaunchRefused)) throw error
    log.warn('Deployment could not be read, worker Pods get no owner', { deployment: name, error })
    return null
  }
}
