/**
 * Messages between the launcher of local processes and a process that runs several workers, over Node's IPC channel. Both
 * sides are of one release.
 */

import * as v from 'valibot'

/** `env` is the worker's environment; `stop` lets it finish its current work, `kill` does not. */
export const SharedProcessCommand = v.variant('kind', [
  v.object({ kind: v.literal('start'), name: v.string(), env: v.record(v.string(), v.string()) }),
  v.object({ kind: v.picklist(['stop', 'kill']), name: v.string() }),
])
export type SharedProcessCommand = v.InferOutput<typeof SharedProcessCommand>

/** A line of a worker's log, or its end with the exit code that it would have in a process of its own. */
export const SharedProcessMessage = v.variant('kind', [
  v.object({ kind: v.literal('line'), name: v.string(), line: v.string() }),
  v.object({ kind: v.literal('ended'), name: v.string(), code: v.number() }),
])
export type SharedProcessMessage = v.InferOutput<typeof SharedProcessMessage>
