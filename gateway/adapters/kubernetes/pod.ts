import * as v from 'valibot'

/** Of a Pod, what is looked at: the API server's words for it, as its published schema has them. */
const Terminated = v.object({
  exitCode: v.number(),
  reason: v.optional(v.string()),
  message: v.optional(v.string()),
})
export type Terminated = v.InferOutput<typeof Terminated>

const Waiting = v.object({ reason: v.optional(v.string()), message: v.optional(v.string()) })

const ContainerStatus = v.object({
  name: v.string(),
  restartCount: v.optional(v.number(), 0),
  state: v.optional(
    v.object({
      waiting: v.optional(Waiting),
      running: v.optional(v.object({})),
      terminated: v.optional(Terminated),
    }),
  ),
  lastState: v.optional(v.object({ terminated: v.optional(Terminated) })),
})
export type ContainerStatus = v.InferOutput<typeof ContainerStatus>

const Condition = v.object({
  type: v.string(),
  status: v.string(),
  reason: v.optional(v.string()),
  message: v.optional(v.string()),
})
export type Condition = v.InferOutput<typeof Condition>

export const Pod = v.object({
  metadata: v.object({
    name: v.string(),
    uid: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    /** When it should be gone: the time of its deletion plus its grace. */
    deletionTimestamp: v.optional(v.string()),
  }),
  status: v.optional(
    v.object({
      phase: v.optional(v.string()),
      reason: v.optional(v.string()),
      message: v.optional(v.string()),
      conditions: v.optional(v.array(Condition), []),
      containerStatuses: v.optional(v.array(ContainerStatus), []),
    }),
    {},
  ),
})
export type Pod = v.InferOutput<typeof Pod>

/** How long a Pod may be past the end of its grace until its node counts as lost, in ms. */
const LATE_AFTER_MS = 30_000

/** Whether a Pod should have been gone for so long that nobody is left to end it: its node is dead. */
export function isOverdue({ metadata }: Pod, nowMs: number): boolean {
  return metadata.deletionTimestamp !== undefined && nowMs - Date.parse(metadata.deletionTimestamp) > LATE_AFTER_MS
}

/** Whether a Pod has come to its end and only its record is left. */
export function isFinished({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}
