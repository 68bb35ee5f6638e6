import type { ProgramResult } from '../../platform/run-program.ts'
import { fault, mishap, type Unfinished } from '../failure.ts'

/** What ffmpeg says where the input is to blame, so that no other attempt would do better. */
const OF_THE_INPUT = [
  /Invalid data found when processing input/,
  /Error while decoding stream|Error submitting packet to decoder|error rate .* exceeds/,
  /Decoder .*not found|Could not find codec parameters|Decoding requested, but no decoder found/,
  /Empty output|Nothing was written into output|does not contain any stream|matches no streams/,
]
const OF_THE_DISK = /No space left on device|Disk quota exceeded/
/** The machine is short of something, or its disk fails. */
const OF_THE_MACHINE = /Cannot allocate memory|Resource temporarily unavailable|Input\/output error|Too many open files/

/** ffmpeg may end well though it could not finish a file, and only say so. */
const UNFINISHED = /Error (?:writing trailer|closing file|muxing)|av_interleaved_write_frame/

/** What encoders say though nothing is wrong. */
const CHATTER = /^(?:Svt\[(?:info|warn)\]|x265 \[info\]|Last message repeated|\s*$)/

/**
 * Why a run of ffmpeg brought no output: a fault where the input or the time allowed is to blame, a mishap where another
 * attempt may do better. `null`: it ended well.
 */
export function encoderFailure(result: ProgramResult, timeoutMs: number): Unfinished | null {
  switch (result.kind) {
    case 'exited':
      return result.code === 0 && !UNFINISHED.test(result.stderr) ? null : ofExit(result.code, result.stderr)
    case 'killed':
      return mishap('ENCODE_FAILED', `ffmpeg was ended by ${result.signal}; it may have lacked memory`)
    case 'timed_out':
      return fault('JOB_TIMEOUT', `encoding took longer than the ${Math.round(timeoutMs / 1000)} s that were left`)
    case 'missing':
      return mishap('ENCODE_FAILED', 'ffmpeg cannot be started')
    case 'aborted':
      return { kind: 'aborted' }
  }
}

function ofExit(code: number, stderr: string): Unfinished {
  const lines = complaints(stderr)
  const message = lines[0] ?? `ffmpeg exited with ${code}`
  if (OF_THE_DISK.test(stderr)) return mishap('ENOSPC', 'there is no space left for the output')
  if (OF_THE_MACHINE.test(stderr)) return mishap('ENCODE_FAILED', message)
  if (OF_THE_INPUT.some((pattern) => pattern.test(stderr)))
    return fault('INPUT_INVALID', `the input cannot be decoded: ${message}`)
  return fault('ENCODE_FAILED', message)
}

/** What ffmpeg complained of, without addresses in memory and paths of ours. */
function complaints(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => !CHATTER.test(line))
    .map((line) => line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replaceAll(/file:\S+/g, 'input'))
}
