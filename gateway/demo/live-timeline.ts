import { colors } from 'consola/utils'

import type { MediaArrival } from '../live/testing/player/player.ts'
import { formatTimeOfDay, printLine } from './output.ts'

/** Prints what happens to a broadcast, with the time since a fact. */
export type LiveTimeline = {
  /** Prints a change of the broadcast's state. */
  showState(state: string): void
  /** Notes a piece of media; prints the first one, and the first one of another worker. */
  noteArrival(arrival: MediaArrival): void
  /** Prints that these processes were killed. */
  showKill(pids: readonly number[]): void
  showEnd(): void
  /** Returns the media that have arrived, in seconds. */
  receivedSec(): number
}

const NAME_CHARS = 31

/** Creates the timeline of a broadcast whose encoder starts now. */
export function createLiveTimeline(): LiveTimeline {
  let fact = { name: 'the encoder started', atMs: Date.now() }
  let map = ''
  let receivedSec = 0

  function show(name: string, color: (text: string) => string, details = ''): void {
    const nowMs = Date.now()
    const after = `${((nowMs - fact.atMs) / 1000).toFixed(1)} s after ${fact.name}`
    printLine(
      `  ${formatTimeOfDay(nowMs)}  ${color(name.padEnd(NAME_CHARS))} ${details.padEnd(26)} ${colors.dim(after)}`,
    )
  }

  return {
    showState: (state) => show(`state: ${state}`, colors.cyan),
    noteArrival({ kind, delaySec, durationSec, map: arrivedMap }) {
      receivedSec += durationSec
      if (arrivedMap === map) return
      const name = map === '' ? 'the player has a first picture' : 'the player goes on'
      map = arrivedMap
      show(name, colors.green, `${kind}, ${delaySec.toFixed(1)} s old`)
    },
    showKill(pids) {
      show('SIGKILL to worker and ffmpeg', colors.yellow, `pids ${pids.join(', ')}`)
      fact = { name: 'the kill', atMs: Date.now() }
    },
    showEnd() {
      show('the encoder has sent all', colors.cyan)
      fact = { name: 'the last frame', atMs: Date.now() }
    },
    receivedSec: () => receivedSec,
  }
}
