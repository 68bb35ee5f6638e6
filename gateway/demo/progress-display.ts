import type { WriteStream } from 'node:tty'

import { colors } from 'consola/utils'

import type { ProgressEvent } from '../jobs/present.ts'

export type ProgressDisplay = {
  readonly show: (event: ProgressEvent) => void
  /** Ends the line of the bar. */
  readonly end: () => void
}

const BAR_CHARS = 32
/** Without a terminal, one line is written per step of this many percent. */
const STEP_PERCENT = 10

/** Creates a display of a job's progress: a redrawn bar in a terminal, otherwise a line per step. */
export function createProgressDisplay(out: Pick<WriteStream, 'isTTY' | 'write'>): ProgressDisplay {
  let last = ''
  return {
    show: (event) => {
      const step = `${event.status} ${event.message} ${Math.floor(event.progress / STEP_PERCENT)}`
      if (out.isTTY) out.write(`\r\u001B[2K${formatBar(event)}`)
      else if (step !== last) out.write(`${formatLine(event)}\n`)
      last = step
    },
    end: () => {
      if (out.isTTY) out.write('\n')
    },
  }
}

function formatBar(event: ProgressEvent): string {
  const done = Math.round((event.progress / 100) * BAR_CHARS)
  return `  ${colors.green('█'.repeat(done))}${colors.dim('░'.repeat(BAR_CHARS - done))} ${formatLine(event)}`
}

function formatLine({ progress, status, message, fps, speed, eta_sec: etaSec }: ProgressEvent): string {
  const figures = [
    fps !== undefined && `${fps.toFixed(0)} fps`,
    speed !== undefined && `${speed.toFixed(1)}x`,
    etaSec !== undefined && `${Math.ceil(etaSec)} s to go`,
  ].filter((figure) => figure !== false)
  return `  ${`${progress.toFixed(1)} %`.padStart(7)}  ${status.padEnd(10)}  ${[message, ...figures].join(', ')}`
}
