import type { V1DeleteOptions, V1Pod } from '@kubernetes/client-node'
import * as v from 'valibot'

import { LauncherUnavailable } from '../../workers/launcher.ts'
import { failureOf, reasonOf, type ApiAnswer } from './api-failure.ts'
import { createApi, type Api } from './api-request.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { Pod } from './pod.ts'

/** The calls of the Kubernetes API that launching takes, in one namespace. A refusal is what the server would repeat. */
export type PodClient = {
  /** `exists`: there is one of that name. @throws LaunchRefused, LauncherUnavailable */
  create(pod: V1Pod): Promise<'created' | 'exists'>
  /** `null`: there is none of that name. @throws LaunchRefused, LauncherUnavailable */
  get(name: string): Promise<PodAt | null>
  /** @throws LaunchRefused, LauncherUnavailable */
  list(query: ListQuery): Promise<PodList>
  /**
   * Lines of JSON, one for each change after `resourceVersion`, until the server closes or the signal aborts; `expired`
   * where the server has forgotten that version. @throws LaunchRefused, LauncherUnavailable
   */
  watch(query: WatchQuery, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | 'expired'>
  /**
   * Resolves once the deletion is accepted; a Pod that is not there, or has another uid, is success.
   * @throws LaunchRefused, LauncherUnavailable
   */
  remove(name: string, how: Removal): Promise<void>
  /** The last lines of a Pod's log, as one text; `null`: it cannot be had. @throws LauncherUnavailable */
  log(name: string, lines: number): Promise<string | null>
  /** The uid of a Deployment. @throws LaunchRefused, LauncherUnavailable */
  deploymentUid(name: string): Promise<string>
}

/** A Pod, and the server's clock when it said so, in ms since 1970. */
export type PodAt = { readonly pod: Pod; readonly dateMs: number }

export type ListQuery = {
  readonly selector: string
  /** At most so many; all where it is not given. */
  readonly limit?: number
  readonly signal?: AbortSignal
  /** In place of what a list usually has, in ms, and without waiting for other calls. */
  readonly urgentWithinMs?: number
}

export type PodList = {
  readonly pods: readonly Pod[]
  /** The names of those that are not as a Pod should be. */
  readonly unreadable: readonly string[]
  readonly resourceVersion: string
  readonly dateMs: number
}

export type WatchQuery = { readonly selector: string; readonly resourceVersion: string; readonly timeoutSec: number }

export type Removal = {
  /** 0 forgets the Pod at once, whether or not something of it still runs. */
  readonly graceSec: number
  /** Only the Pod with this uid. */
  readonly uid?: string | undefined
}

export type PodClientOptions = Pick<ClusterAccess, 'server' | 'token' | 'fetch'> & { readonly namespace: string }

const CALL_WITHIN_MS = 10_000
const LIST_WITHIN_MS = 20_000
/** etcd takes objects of 1.5 MB. */
const MAX_OBJECT_BYTES = 8 * 1024 * 1024
/** The Pods of a large namespace at 10 KB each, and then some. */
const MAX_LIST_BYTES = 256 * 1024 * 1024
/** Of a log, in bytes: the server cuts it there. */
const MAX_LOG_BYTES = 64 * 1024

const AnyList = v.object({ metadata: v.object({ resourceVersion: v.string() }), items: v.array(v.unknown()) })
const Named = v.object({ metadata: v.object({ name: v.string() }) })
const Identified = v.object({ metadata: v.object({ uid: v.string() }) })

/** A client of one namespace, for any runtime with `fetch`: each call bounded in time and size, ten at a time. */
export function createPodClient({ namespace, ...access }: PodClientOptions): PodClient {
  const api = createApi(access)
  const pods = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`
  const deployments = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`
  const at = (name: string) => `${pods}/${encodeURIComponent(name)}`
  const call = { withinMs: CALL_WITHIN_MS, maxBytes: MAX_OBJECT_BYTES }
  return {
    async create(pod) {
      const answer = await api.call({ ...call, method: 'POST', path: pods, body: pod })
      if (answer.status === 409 && reasonOf(answer) === 'AlreadyExists') return 'exists'
      if (!isSuccess(answer)) throw failureOf(answer)
      return 'created'
    },
    async get(name) {
      const answer = await api.call({ ...call, method: 'GET', path: at(name) })
      return answer.status === 404 ? null : podOf(successful(answer))
    },
    list: (query) => list(api, pods, query),
    watch: (query, signal) => watch(api, pods, query, signal),
    async remove(name, { graceSec, uid }) {
      const preconditions = uid === undefined ? {} : { preconditions: { uid } }
      const body: V1DeleteOptions = { gracePeriodSeconds: graceSec, ...preconditions }
      const answer = await api.call({ ...call, method: 'DELETE', path: at(name), body })
      const isAnother = answer.status === 409 && uid !== undefined
      if (answer.status !== 404 && !isAnother) successful(answer)
    },
    async log(name, lines) {
      const path = `${at(name)}/log?tailLines=${lines}&limitBytes=${MAX_LOG_BYTES}`
      const answer = await api.call({ ...call, method: 'GET', path })
      return isSuccess(answer) ? answer.text : null
    },
    async deploymentUid(name) {
      const answer = await api.call({ ...call, method: 'GET', path: `${deployments}/${encodeURIComponent(name)}` })
      return parse(Identified, successful(answer)).metadata.uid
    },
  }
}

async function list(api: Api, path: string, query: ListQuery): Promise<PodList> {
  const { selector, limit, signal, urgentWithinMs } = query
  const parameters = new URLSearchParams({
    labelSelector: selector,
    ...(limit === undefined ? {} : { limit: `${limit}` }),
  })
  const answer = await api.call({
    method: 'GET',
    path: `${path}?${String(parameters)}`,
    withinMs: urgentWithinMs ?? LIST_WITHIN_MS,
    maxBytes: MAX_LIST_BYTES,
    isUrgent: urgentWithinMs !== undefined,
    ...(signal === undefined ? {} : { signal }),
  })
  const { metadata, items } = parseList(successful(answer))
  const seen: Pod[] = []
  const unreadable: string[] = []
  for (const item of items) {
    const pod = v.safeParse(Pod, item)
    if (pod.success) seen.push(pod.output)
    else unreadable.push(nameOf(item))
  }
  return { pods: seen, unreadable, resourceVersion: metadata.resourceVersion, dateMs: answer.dateMs }
}

async function watch(api: Api, path: string, query: WatchQuery, signal: AbortSignal) {
  const parameters = new URLSearchParams({
    watch: '1',
    allowWatchBookmarks: 'true',
    labelSelector: query.selector,
    resourceVersion: query.resourceVersion,
    timeoutSeconds: `${query.timeoutSec}`,
  })
  const answer = await api.open({
    method: 'GET',
    path: `${path}?${String(parameters)}`,
    withinMs: CALL_WITHIN_MS,
    maxBytes: MAX_OBJECT_BYTES,
    signal,
  })
  if (!('status' in answer)) return answer
  if (answer.status === 410) return 'expired'
  throw failureOf(answer)
}

function isSuccess({ status }: ApiAnswer): boolean {
  return status >= 200 && status < 300
}

function successful(answer: ApiAnswer): ApiAnswer {
  if (!isSuccess(answer)) throw failureOf(answer)
  return answer
}

/** A success that is not what it should be comes from something that stands between, or from no API server at all. */
function parse<Output>(schema: v.GenericSchema<unknown, Output>, { text }: ApiAnswer): Output {
  try {
    return v.parse(schema, JSON.parse(text))
  } catch (error) {
    throw new LauncherUnavailable('the API server answered with something else than was asked for', null, {
      cause: error,
    })
  }
}

/** Who has set which field is half of a long list, and nobody's business here: to cut it is cheaper than to parse it. */
const MANAGED_FIELDS = /"managedFields":\[[^\]]*\]/g

/** Where a bracket stands inside of what is cut, the rest is no JSON, and the whole is parsed. */
function parseList(answer: ApiAnswer): v.InferOutput<typeof AnyList> {
  const text = answer.text.replaceAll(MANAGED_FIELDS, '"managedFields":[]')
  try {
    return parse(AnyList, { ...answer, text })
  } catch {
    return parse(AnyList, answer)
  }
}

function podOf(answer: ApiAnswer): PodAt {
  return { pod: parse(Pod, answer), dateMs: answer.dateMs }
}

function nameOf(item: unknown): string {
  const named = v.safeParse(Named, item)
  return named.success ? named.output.metadata.name : '?'
}
