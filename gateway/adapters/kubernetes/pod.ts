import * as v from 'valibot'

/** The fields of a Pod that launching needs, named as in the Kubernetes API: core/v1 Pod. */
const TerminatedState = v.object({
  exitCode: v.number(),
  reason: v.optional(v.string()),
  message: v.optional(v.string()),
})
export type TerminatedState = v.InferOutput<typeof TerminatedState>

const WaitingState = v.object({ reason: v.optional(v.string()), message: v.optional(v.string()) })

const ContainerStatus = v.object({
  name: v.string(),
  restartCount: v.optional(v.number(), 0),
  state: v.optional(
    v.object({
      waiting: v.optional(WaitingState),
      running: v.optional(v.object({})),
      terminated: v.optional(TerminatedState),
    }),
  ),
  lastState: v.optional(v.object({ terminated: v.optional(TerminatedState) })),
})
export type ContainerStatus = v.InferOutput<typeof ContainerStatus>

const PodCondition = v.object({
  type: v.string(),
  status: v.string(),
  reason: v.optional(v.string()),
  message: v.optional(v.string()),
})
export type PodCondition = v.InferOutput<typeof PodCondition>

export const Pod = v.object({
  metadata: v.object({
    name: v.string(),
    uid: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    /** The time at which the Pod should be gone: the time of its deletion plus its grace period. */
    deletionTimestamp: v.optional(v.string()),
  }),
  status: v.optional(
    v.object({
      phase: v.optional(v.string()),
      reason: v.optional(v.string()),
      message: v.optional(v.string()),
      conditions: v.optional(v.array(PodCondition), []),
      containerStatuses: v.optional(v.array(ContainerStatus), []),
    }),
    {},
  ),
})
export type Pod = v.InferOutput<typeof Pod>

/** How long a Pod may outstay its grace period before its node counts as lost, in ms. */
const NODE_LOST_AFTER_MS = 30_000

/** Returns whether a deleted Pod has outstayed its grace period: its node is lost, and no kubelet will end it. */
export function isNodeLost({ metadata }: Pod, nowMs: number): boolean {
  return metadata.deletionTimestamp !== undefined && nowMs - Date.parse(metadata.deletionTimestamp) > NODE_LOST_AFTER_MS
}

/** Returns whether a Pod has ended for good and only its record is left. */
export function isFinished({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}
