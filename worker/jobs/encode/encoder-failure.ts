import type { ProgramResult } from '../../platform/run-program.ts'
import { fault, mishap, type Unfinished } from '../failure.ts'

/** What ffmpeg says where the input is to blame, so that no other attempt would do better; and in words for its owner. */
const OF_THE_INPUT = [
  {
    said: /Decoder .*not found|Decoding requested, but no decoder found/,
    means: 'the input is of a kind that cannot be decoded here',
  },
  { said: /does not contain any stream|matches no streams/, means: 'the input lacks a track that its header names' },
  {
    said: /Empty output|Nothing was written into output|Cannot determine format of input stream/,
    means: 'nothing of a track of the input can be decoded: it is damaged, or ends before what is wanted of it',
  },
  {
    said: /Invalid data found when processing input|Error while decoding stream|Error submitting packet to decoder/,
    means: 'the input is damaged and cannot be decoded',
  },
  {
    said: /error rate .* exceeds|Could not find codec parameters/,
    means: 'the input is damaged and cannot be decoded',
  },
]
const OF_THE_DISK = /No space left on device|Disk quota exceeded/
/** The machine is short of something, or its disk fails. */
const OF_THE_MACHINE = /Cannot allocate memory|Resource temporarily unavailable|Input\/output error|Too many open files/

/** ffmpeg may end well though it could not finish a file, and only say so. */
const UNFINISHED = /Error (?:writing trailer|closing file|muxing)|av_interleaved_write_frame/

/** Decoders complain of each damage that they get over; it is seldom why a run ended. */
const OF_A_DECODER =
  /^\[(?:NULL|h264|hevc|av1|libdav1d|vp[89]|mpeg\dvideo|mpeg4|mjpeg|theora|prores|aac|mp3\w*|e?ac3|opus|vorbis|flac) @ /

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
  const lines = stderr.split('\n').filter((line) => !CHATTER.test(line))
  const ownWords = lines.find((line) => !OF_A_DECODER.test(line))
  const message = ownWords === undefined ? undefined : readable(ownWords)
  if (OF_THE_DISK.test(stderr)) return mishap('ENOSPC', 'there is no space left for the output')
  if (OF_THE_MACHINE.test(stderr)) return mishap('ENCODE_FAILED', message ?? 'the machine is short of something')
  const blamed = OF_THE_INPUT.find(({ said }) => said.test(stderr))
  if (blamed !== undefined) {
    const cause = lines.find((line) => blamed.said.test(line)) ?? ''
    return fault('INPUT_INVALID', `${blamed.means} (ffmpeg: ${readable(cause)})`)
  }
  const [first] = lines
  if (message !== undefined || first === undefined)
    return fault('ENCODE_FAILED', message ?? `ffmpeg exited with ${code}`)
  return fault('ENCODE_FAILED', `ffmpeg gave up; the input may be damaged (ffmpeg: ${readable(first)})`)
}

/** Without addresses in memory and paths of ours. */
function readable(line: string): string {
  return line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replaceAll(/file:\S+/g, 'input')
}
