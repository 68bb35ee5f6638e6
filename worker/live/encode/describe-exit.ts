import type { ProgramExit } from '../../platform/start-program.ts'

const MAX_CHARS = 200

/** Describes how ffmpeg ended, with its last message. */
export function describeExit(exit: ProgramExit): string {
  switch (exit.kind) {
    case 'missing':
      return 'ffmpeg cannot be started'
    case 'killed':
      return `ffmpeg was ended by ${exit.signal}`
    case 'exited':
      return `ffmpeg exited with ${exit.code}: ${readLastLine(exit.stderr)}`.slice(0, MAX_CHARS)
  }
}

/** Returns the last line without memory addresses. */
function readLastLine(stderr: string): string {
  const lines = stderr.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').split('\n')
  return lines.findLast((line) => line.trim() !== '')?.trim() ?? 'no message'
}
