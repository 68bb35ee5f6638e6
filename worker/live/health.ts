import type { BroadcastHealth } from '../../shared/contract/live.ts'
import type { FrameLag } from './encode/package-run.ts'
import type { Recorder } from './record/recorder.ts'
import { afterLag, INITIAL_LOAD, type LoadState } from './state/load.ts'

/** The condition of a broadcast's encoding, over all runs of the epoch. */
export type HealthKeeper = {
  /** Sets why nothing can be encoded; `null`: it can. */
  setProblem(problem: string | null): void
  setRun(run: Pick<BroadcastHealth, 'is_passed_through' | 'is_top_rung_dropped'>): void
  /**
   * Records a measurement of the lag; `droppable`: how many more rungs can be left out. Returns whether another set of rungs
   * is wanted now.
   */
  observeLag(lag: FrameLag, atMs: number, droppable: number): boolean
  /** Returns how many encoded rungs to leave out, from the highest on. */
  droppedRungs(): number
  read(): BroadcastHealth
}

/** Creates the record of a broadcast that has just begun. */
export function createHealthKeeper(recorder: Pick<Recorder, 'problem' | 'waiting'>): HealthKeeper {
  let problem: string | null = null
  let run = { is_passed_through: false, is_top_rung_dropped: false }
  let load: LoadState = INITIAL_LOAD
  let lagMs = 0
  return {
    setProblem: (reason) => (problem = reason),
    setRun: (description) => (run = description),
    observeLag: ({ sinceArrivalMs, inWorkerMs }, atMs, droppable) => {
      lagMs = sinceArrivalMs
      const before = load.droppedRungs
      // A source that is late would not be on time with fewer rungs.
      load = afterLag(load, { atMs, lagMs: inWorkerMs }, droppable)
      return load.droppedRungs !== before
    },
    droppedRungs: () => load.droppedRungs,
    read: () => ({
      lag_sec: Math.round(lagMs) / 1000,
      ...run,
      problem: problem ?? recorder.problem(),
      waiting_segments: recorder.waiting(),
    }),
  }
}
