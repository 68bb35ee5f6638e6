import { badRequestError } from './errors.ts'
import { textResponse, type ApiResponse } from './response.ts'
import { isTrue } from './request.ts'
import type { StoredPod } from '../wire.ts'

/** The log of a container's run. */
export type ContainerLog = {
  /** Returns the text written so far. */
  text(): string
  /** Calls back with each further text, and once at the end of the log. Returns the function that unsubscribes. */
  follow(onText: (text: string) => void, onEnd: () => void): () => void
}

/** Finds the log of a container; null if it has never run. */
export type FindLog = (pod: StoredPod, container: string, previous: boolean) => ContainerLog | null

/** Serves `GET pods/{name}/log`. @throws ApiError 400 */
export function serveLog(pod: StoredPod, query: URLSearchParams, findLog: FindLog): ApiResponse {
  const container = resolveContainer(pod, query.get('container'))
  const previous = isTrue(query.get('previous'))
  const log = findLog(pod, container, previous)
  if (log === null) throw missingLogError(pod, container, previous)
  const text = takeLastLines(log.text(), query.get('tailLines'))
  if (!isTrue(query.get('follow')) || previous) return textResponse(text)
  return {
    contentType: 'text/plain',
    stream(sink) {
      sink.write(text)
      const unfollow = log.follow(sink.write, sink.end)
      sink.closed.addEventListener('abort', unfollow)
    },
  }
}

function resolveContainer({ metadata, spec }: StoredPod, requested: string | null): string {
  const names = spec.containers.map(({ name }) => name)
  const [only] = names
  if (requested === null && only !== undefined && names.length === 1) return only
  if (requested === null) {
    throw badRequestError(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`,
    )
  }
  if (!names.includes(requested)) throw badRequestError(`container ${requested} is not valid for pod ${metadata.name}`)
  return requested
}

function missingLogError({ metadata, spec, status }: StoredPod, container: string, previous: boolean): Error {
  const { name } = metadata
  if ((spec.nodeName ?? '') === '') return badRequestError(`pod ${name} does not have a host assigned`)
  if (previous) return badRequestError(`previous terminated container "${container}" in pod "${name}" not found`)
  const state = status.containerStatuses?.find((one) => one.name === container)?.state
  const reason = state?.waiting?.reason ?? 'ContainerCreating'
  return badRequestError(`container "${container}" in pod "${name}" is waiting to start: ${reason}`)
}

/** Returns the last lines of a text, by the `tailLines` of a query; the whole text without it. */
export function takeLastLines(text: string, count: string | null): string {
  if (count === null) return text
  if (Number(count) === 0) return ''
  const lines = text.split('\n')
  const isWhole = lines.at(-1) === ''
  return lines.slice(-(Number(count) + (isWhole ? 1 : 0))).join('\n')
}
