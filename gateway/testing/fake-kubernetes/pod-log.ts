import { badRequest } from './api-error.ts'
import { plainAnswer, type Answer } from './answer.ts'
import { isTrue } from './api-request.ts'
import type { StoredPod } from './wire.ts'

/** What a container has written, and will write. */
export type ContainerLog = {
  /** All that its present run has written so far. */
  text(): string
  /** Calls back with each further piece, and once at its end; gives what ends that. */
  follow(onText: (text: string) => void, onEnd: () => void): () => void
}

/** The logs of a Pod's container; null where it never ran. */
export type FindLog = (pod: StoredPod, container: string, previous: boolean) => ContainerLog | null

/** `GET pods/{name}/log`. @throws ApiError 400 */
export function podLog(pod: StoredPod, query: URLSearchParams, findLog: FindLog): Answer {
  const container = containerOf(pod, query.get('container'))
  const previous = isTrue(query.get('previous'))
  const log = findLog(pod, container, previous)
  if (log === null) throw missingLog(pod, container, previous)
  const text = lastLines(log.text(), query.get('tailLines'))
  if (!isTrue(query.get('follow')) || previous) return plainAnswer(text)
  return {
    contentType: 'text/plain',
    stream(sink) {
      sink.write(text)
      const unfollow = log.follow(sink.write, sink.end)
      sink.closed.addEventListener('abort', unfollow)
    },
  }
}

function containerOf({ metadata, spec }: StoredPod, asked: string | null): string {
  const names = spec.containers.map(({ name }) => name)
  const [only] = names
  if (asked === null && only !== undefined && names.length === 1) return only
  if (asked === null) {
    throw badRequest(`a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`)
  }
  if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`)
  return asked
}

function missingLog({ metadata, spec, status }: StoredPod, container: string, previous: boolean): Error {
  const { name } = metadata
  if ((spec.nodeName ?? '') === '') return badRequest(`pod ${name} does not have a host assigned`)
  if (previous) return badRequest(`previous terminated container "${container}" in pod "${name}" not found`)
  const state = status.containerStatuses?.find((one) => one.name === container)?.state
  const reason = state?.waiting?.reason ?? 'ContainerCreating'
  return badRequest(`container "${container}" in pod "${name}" is waiting to start: ${reason}`)
}

/** The last lines of a text, whole. */
export function lastLines(text: string, count: string | null): string {
  if (count === null) return text
  if (Number(count) === 0) return ''
  const lines = text.split('\n')
  const isWhole = lines.at(-1) === ''
  return lines.slice(-(Number(count) + (isWhole ? 1 : 0))).join('\n')
}
