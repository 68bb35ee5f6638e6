import * as v from 'valibot'

import { RECORDED } from '../../../testing/fake-kubernetes/recorded.ts'

const Failure = v.looseObject({ kind: v.literal('Status'), message: v.string() })
const AnyPod = v.looseObject({ kind: v.literal('Pod') })

/** The failures that a real API server answered with. */
export const recordedFailures = RECORDED.flatMap(({ name, response: { status, body } }) =>
  v.is(Failure, body) ? [{ name, status, body }] : [],
)

/** The Pods that it showed, in many a state. */
export const recordedPods = RECORDED.flatMap(({ name, request, response: { body } }) =>
  request.method !== 'POST' && v.is(AnyPod, body) ? [{ name, pod: body }] : [],
)

/** What it told of one Pod from its creation to its deletion. */
export const recordedLife = RECORDED.find(({ name }) => name.startsWith('watch a life'))?.response.events ?? []
