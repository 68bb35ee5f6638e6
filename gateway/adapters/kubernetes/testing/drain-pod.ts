import * as v from 'valibot'

import type { ApiClient } from '../api-client.ts'

const DrainedPod = v.object({
  metadata: v.object({
    ownerReferences: v.optional(v.array(v.object({ controller: v.optional(v.boolean()) })), []),
  }),
})

/**
 * Evicts a Pod as `kubectl drain` does without `--force`.
 * @throws Error where no controller manages the Pod (`unreplicatedFilter` of kubectl), or the server refuses the eviction
 */
export async function drainPod(api: ApiClient, namespace: string, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`
  const limits = { timeoutMs: 10_000, maxBytes: 1024 * 1024 }
  const found = await api.call({ ...limits, method: 'GET', path })
  const { metadata } = v.parse(DrainedPod, JSON.parse(found.body))
  if (!metadata.ownerReferences.some(({ controller }) => controller === true)) {
    throw new Error(`cannot delete Pod ${name}, which declares no controller (use --force to override)`)
  }
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }
  const evicted = await api.call({ ...limits, method: 'POST', path: `${path}/eviction`, body })
  if (evicted.status !== 201) throw new Error(`${name} was not evicted: ${evicted.status} ${evicted.body}`)
}
