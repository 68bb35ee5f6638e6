/**
 * Messages between the launcher of local processes and a process that runs several workers, over Node's IPC channel. Both
 * sides are of one release.
 */

/** `env` is the worker's environment; `stop` lets it finish its current work, `kill` does not. */
export type SharedProcessCommand =
  | { readonly kind: 'start'; readonly name: string; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: 'stop' | 'kill'; readonly name: string }

/** A line of a worker's log, or its end with the exit code that it would have in a process of its own. */
export type SharedProcessMessage =
  | { readonly kind: 'line'; readonly name: string; readonly line: string }
  | { readonly kind: 'ended'; readonly name: string; readonly code: number }
