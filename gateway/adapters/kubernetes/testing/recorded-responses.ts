import * as v from 'valibot'

import { RECORDED_CALLS } from '../../../testing/fake-kubernetes/recorded-calls.ts'

const Failure = v.looseObject({ kind: v.literal('Status'), message: v.string() })
const AnyPod = v.looseObject({ kind: v.literal('Pod') })

/** The error responses of a real API server. */
export const RECORDED_FAILURES = RECORDED_CALLS.flatMap(({ name, response: { status, body } }) =>
  v.is(Failure, body) ? [{ name, status, body }] : [],
)

/** The Pods in its responses, in all recorded states. */
export const RECORDED_PODS = RECORDED_CALLS.flatMap(({ name, request, response: { body } }) =>
  request.method !== 'POST' && v.is(AnyPod, body) ? [{ name, pod: body }] : [],
)

/** The events of a watch on one Pod, from its creation to its deletion. */
export const RECORDED_WATCH_EVENTS =
  RECORDED_CALLS.find(({ name }) => name.startsWith('watch a life'))?.response.events ?? []
