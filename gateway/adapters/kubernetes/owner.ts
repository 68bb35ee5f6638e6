import type { V1OwnerReference } from '@kubernetes/client-node'

import type { Log } from '../../../shared/log.ts'
import { LaunchRefused } from '../../workers/launcher.ts'
import type { PodClient } from './client.ts'

/**
 * Whom Pods are to go with: a Deployment, asked for once. `null` where none is named, or where it is not there or may
 * not be read, which is told once. The lookup throws LauncherUnavailable, and is done again then.
 */
export function createOwnerLookup(
  client: Pick<PodClient, 'deploymentUid'>,
  deployment: string | null,
  log: Log,
): () => Promise<V1OwnerReference | null> {
  if (deployment === null) return async () => null
  let known: Promise<V1OwnerReference | null> | null = null
  return async () => {
    known ??= lookUp(client, deployment, log)
    try {
      return await known
    } catch (error) {
      known = null
      throw error
    }
  }
}

async function lookUp(
  client: Pick<PodClient, 'deploymentUid'>,
  name: string,
  log: Log,
): Promise<V1OwnerReference | null> {
  try {
    const uid = await client.deploymentUid(name)
    return { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: false }
  } catch (error) {
    if (!(error instanceof LaunchRefused)) throw error
    log.warn('the Deployment cannot be read: Pods will not go with it', { deployment: name, error })
    return null
  }
}
