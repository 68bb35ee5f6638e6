import type { WorkerPolicy } from '../../shared/contract/assignment.ts'
import type { Settings } from './settings.ts'

/** Returns what the settings allow to workers. */
export function workerPolicyOf(settings: Pick<Settings, 'allowPrivateNetworks' | 'allowAnySite'>): WorkerPolicy {
  return { allow_private_networks: settings.allowPrivateNetworks, allow_any_site: settings.allowAnySite }
}
