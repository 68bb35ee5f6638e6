import type { WriteStream } from 'node:tty'

import { colors } from 'consola/utils'

import type { ProgressEvent } from '../jobs/present.ts'

export type ProgressDisplay = {
  readonly show: (event: ProgressEvent) => void
  /** What follows begins on a line of its own. */
  readonly end: () => void
}

const BAR_CHARS = 32
/** Where lines cannot be written over, one is written for each so many percent. */
const STEP_PERCENT = 10

/** A job's progress: a bar that is drawn anew with each update in a terminal, and else a line now and then. */
export function showProgress(out: Pick<WriteStream, 'isTTY' | 'write'>): ProgressDisplay {
  let last = ''
  return {
    show: (event) => {
      const step = `${event.status} ${event.message} ${Math.floor(event.progress / STEP_PERCENT)}`
      if (out.isTTY) out.write(`\r\u001B[2K${bar(event)}`)
      else if (step !== last) out.write(`${line(event)}\n`)
      last = step
    },
    end: () => {
      if (out.isTTY) out.write('\n')
    },
  }
}

function bar(event: ProgressEvent): string {
  const done = Math.round((event.progress / 100) * BAR_CHARS)
  return `  ${colors.green('█'.repeat(done))}${colors.dim('░'.repeat(BAR_CHARS - done))} ${line(event)}`
}

function line({ progress, status, message, fps, speed, eta_sec: etaSec }: ProgressEvent): string {
  const figures = [
    fps !== undefined && `${fps.toFixed(0)} fps`,
    speed !== undefined && `${speed.toFixed(1)}x`,
    etaSec !== undefined && `${Math.ceil(etaSec)} s to go`,
  ].filter((figure) => figure !== false)
  return `  ${`${progress.toFixed(1)} %`.padStart(7)}  ${status.padEnd(10)}  ${[message, ...figures].join(', ')}`
}
