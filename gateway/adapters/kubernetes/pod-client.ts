import type { V1DeleteOptions, V1Pod } from '@kubernetes/client-node'
import * as v from 'valibot'

import { LauncherUnavailable } from '../../ports/launcher.ts'
import { createApiClient, type ApiAccess, type ApiClient } from './api-client.ts'
import { isSuccess, readReason, toLauncherError, type ApiResponse } from './api-response.ts'
import { Pod } from './pod.ts'

/** The calls of the Kubernetes API that launching needs, in one namespace. */
export type PodClient = {
  /** Resolves with `exists` where the name is taken. @throws LaunchRefused, LauncherUnavailable */
  create(pod: V1Pod): Promise<'created' | 'exists'>
  /** Resolves with `null` where there is no Pod of that name. @throws LaunchRefused, LauncherUnavailable */
  get(name: string): Promise<PodSnapshot | null>
  /** @throws LaunchRefused, LauncherUnavailable */
  list(query: ListQuery): Promise<PodList>
  /**
   * Streams one line of JSON per change after `resourceVersion`, until the server closes or the signal aborts.
   * Resolves with `expired` where the server has forgotten that version. @throws LaunchRefused, LauncherUnavailable
   */
  watch(query: WatchQuery, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | 'expired'>
  /**
   * Resolves once the deletion is accepted; a Pod that is gone, or has another uid, counts as success.
   * @throws LaunchRefused, LauncherUnavailable
   */
  delete(name: string, options: DeleteOptions): Promise<void>
  /** Resolves with the last lines of a Pod's log, `null` where there is none. @throws LauncherUnavailable */
  getLog(name: string, lineCount: number): Promise<string | null>
  /** @throws LaunchRefused, LauncherUnavailable */
  getDeploymentUid(name: string): Promise<string>
}

/** A Pod, and the time on the server's clock at which it was read, in ms since 1970. */
export type PodSnapshot = { readonly pod: Pod; readonly serverTimeMs: number }

export type ListQuery = {
  readonly selector: string
  /** The maximum number of Pods; all without it. */
  readonly limit?: number
  readonly signal?: AbortSignal
  /** Makes the call urgent: it does not wait for other calls and has this timeout, in ms, in place of the usual one. */
  readonly urgentTimeoutMs?: number
}

export type PodList = {
  readonly pods: readonly Pod[]
  /** The names of the Pods that do not match the schema. */
  readonly unreadable: readonly string[]
  readonly resourceVersion: string
  readonly serverTimeMs: number
}

export type WatchQuery = { readonly selector: string; readonly resourceVersion: string; readonly timeoutSec: number }

export type DeleteOptions = {
  /** 0 removes the Pod's record at once, even while its containers still run. */
  readonly gracePeriodSec: number
  /** Deletes only the Pod with this uid. */
  readonly uid?: string | undefined
}

export type PodClientOptions = ApiAccess & { readonly namespace: string }

const CALL_TIMEOUT_MS = 10_000
const LIST_TIMEOUT_MS = 20_000
/** etcd stores objects of up to 1.5 MB. */
const MAX_OBJECT_BYTES = 8 * 1024 * 1024
/** The Pods of a large namespace, at 10 KB each. */
const MAX_LIST_BYTES = 256 * 1024 * 1024
/** The server cuts a log to this size. */
const MAX_LOG_BYTES = 64 * 1024

const ListBody = v.object({ metadata: v.object({ resourceVersion: v.string() }), items: v.array(v.unknown()) })
const NamedObject = v.object({ metadata: v.object({ name: v.string() }) })
const IdentifiedObject = v.object({ metadata: v.object({ uid: v.string() }) })

/** Creates the client of one namespace. It runs on any runtime with `fetch`. */
export function createPodClient({ namespace, ...access }: PodClientOptions): PodClient {
  const api = createApiClient(access)
  const podsPath = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`
  const deploymentsPath = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`
  const podPath = (name: string) => `${podsPath}/${encodeURIComponent(name)}`
  const limits = { timeoutMs: CALL_TIMEOUT_MS, maxBytes: MAX_OBJECT_BYTES }
  return {
    async create(pod) {
      const response = await api.call({ ...limits, method: 'POST', path: podsPath, body: pod })
      if (response.status === 409 && readReason(response) === 'AlreadyExists') return 'exists'
      requireSuccess(response)
      return 'created'
    },
    async get(name) {
      const response = await api.call({ ...limits, method: 'GET', path: podPath(name) })
      return response.status === 404 ? null : toPodSnapshot(requireSuccess(response))
    },
    list: (query) => listPods(api, podsPath, query),
    watch: (query, signal) => openWatch(api, podsPath, query, signal),
    async delete(name, { gracePeriodSec, uid }) {
      const preconditions = uid === undefined ? {} : { preconditions: { uid } }
      const body: V1DeleteOptions = { gracePeriodSeconds: gracePeriodSec, ...preconditions }
      const response = await api.call({ ...limits, method: 'DELETE', path: podPath(name), body })
      const hasOtherUid = response.status === 409 && uid !== undefined
      if (response.status !== 404 && !hasOtherUid) requireSuccess(response)
    },
    async getLog(name, lineCount) {
      const path = `${podPath(name)}/log?tailLines=${lineCount}&limitBytes=${MAX_LOG_BYTES}`
      const response = await api.call({ ...limits, method: 'GET', path })
      return isSuccess(response) ? response.body : null
    },
    async getDeploymentUid(name) {
      const path = `${deploymentsPath}/${encodeURIComponent(name)}`
      const response = await api.call({ ...limits, method: 'GET', path })
      return parseBody(IdentifiedObject, requireSuccess(response)).metadata.uid
    },
  }
}

async function listPods(api: ApiClient, path: string, query: ListQuery): Promise<PodList> {
  const { selector, limit, signal, urgentTimeoutMs } = query
  const parameters = new URLSearchParams({
    labelSelector: selector,
    ...(limit === undefined ? {} : { limit: `${limit}` }),
  })
  const response = await api.call({
    method: 'GET',
    path: `${path}?${String(parameters)}`,
    timeoutMs: urgentTimeoutMs ?? LIST_TIMEOUT_MS,
    maxBytes: MAX_LIST_BYTES,
    isUrgent: urgentTimeoutMs !== undefined,
    ...(signal === undefined ? {} : { signal }),
  })
  const { metadata, items } = parseListBody(requireSuccess(response))
  const pods: Pod[] = []
  const unreadable: string[] = []
  for (const item of items) {
    const pod = v.safeParse(Pod, item)
    if (pod.success) pods.push(pod.output)
    else unreadable.push(nameOf(item))
  }
  return { pods, unreadable, resourceVersion: metadata.resourceVersion, serverTimeMs: response.serverTimeMs }
}

async function openWatch(api: ApiClient, path: string, query: WatchQuery, signal: AbortSignal) {
  const parameters = new URLSearchParams({
    watch: '1',
    allowWatchBookmarks: 'true',
    labelSelector: query.selector,
    resourceVersion: query.resourceVersion,
    timeoutSeconds: `${query.timeoutSec}`,
  })
  const response = await api.open({
    method: 'GET',
    path: `${path}?${String(parameters)}`,
    timeoutMs: CALL_TIMEOUT_MS,
    maxBytes: MAX_OBJECT_BYTES,
    signal,
  })
  if (!('status' in response)) return response
  if (response.status === 410) return 'expired'
  throw toLauncherError(response)
}

function requireSuccess(response: ApiResponse): ApiResponse {
  if (!isSuccess(response)) throw toLauncherError(response)
  return response
}

/** Parses the body of a success. @throws LauncherUnavailable where a proxy, or no API server at all, wrote it */
function parseBody<Output>(schema: v.GenericSchema<unknown, Output>, { body }: ApiResponse): Output {
  try {
    return v.parse(schema, JSON.parse(body))
  } catch (error) {
    throw new LauncherUnavailable('the API server answered with an unexpected body', null, { cause: error })
  }
}

/** Managed fields are half of a long list and not used here. Cutting them out is cheaper than parsing them. */
const MANAGED_FIELDS = /"managedFields":\[[^\]]*\]/g

/** Parses a list without its managed fields. A bracket inside of them breaks the cut text: then the whole is parsed. */
function parseListBody(response: ApiResponse): v.InferOutput<typeof ListBody> {
  const body = response.body.replaceAll(MANAGED_FIELDS, '"managedFields":[]')
  try {
    return parseBody(ListBody, { ...response, body })
  } catch {
    return parseBody(ListBody, response)
  }
}

function toPodSnapshot(response: ApiResponse): PodSnapshot {
  return { pod: parseBody(Pod, response), serverTimeMs: response.serverTimeMs }
}

function nameOf(item: unknown): string {
  const named = v.safeParse(NamedObject, item)
  return named.success ? named.output.metadata.name : '?'
}
