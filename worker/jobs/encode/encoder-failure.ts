import { saysDiskFull } from '../../platform/disk-full.ts'
import type { ProgramResult } from '../../platform/run-program.ts'
import { permanentFailure, transientFailure, type FailedOrAborted } from '../result.ts'

/** Messages of ffmpeg that blame the input, so that no other attempt can succeed, with their meaning for a user. */
const INPUT_ERRORS = [
  {
    // Numbers of the library zimg, which converts colours (`zimg_error_code_e`).
    pattern: /\bcode \d{4}: /,
    meaning: 'the colours of the input cannot be converted',
  },
  {
    pattern: /Decoder .*not found|Decoding requested, but no decoder found/,
    meaning: 'the input has a codec that this worker cannot decode',
  },
  {
    pattern: /does not contain any stream|matches no streams/,
    meaning: 'the input lacks a track that its header declares',
  },
  {
    pattern: /Empty output|Nothing was written into output|Cannot determine format of input stream/,
    meaning: 'no frame of a track could be decoded: the input is damaged, or ends before the requested part',
  },
  {
    pattern: /Invalid data found when processing input|Error while decoding stream|Error submitting packet to decoder/,
    meaning: 'the input is damaged and cannot be decoded',
  },
  {
    pattern: /error rate .* exceeds|Could not find codec parameters/,
    meaning: 'the input is damaged and cannot be decoded',
  },
]
/** The machine lacks a resource, or its disk fails. */
const MACHINE_ERROR = /Cannot allocate memory|Resource temporarily unavailable|Input\/output error|Too many open files/

/** ffmpeg may exit with 0 although it could not complete a file. */
const INCOMPLETE_FILE = /Error (?:writing trailer|closing file|muxing)|av_interleaved_write_frame/

/** A decoder's line about damage that it survived; seldom the reason why a run ended. */
const DECODER_LINE =
  /^\[(?:NULL|h264|hevc|av1|libdav1d|vp[89]|mpeg\dvideo|mpeg4|mjpeg|theora|prores|aac|mp3\w*|e?ac3|opus|vorbis|flac) @ /

/** Lines that encoders print without an error. */
const NOTICE_LINE = /^(?:Svt\[(?:info|warn)\]|x265 \[info\]|Last message repeated|\s*$)/

/**
 * Classifies how a run of ffmpeg ended; `null` for success. The failure is permanent where the input, the arguments or
 * the time limit cause it, and transient where another attempt may succeed.
 */
export function classifyEncoderResult(result: ProgramResult, timeoutMs: number): FailedOrAborted | null {
  switch (result.kind) {
    case 'exited':
      return result.code === 0 && !INCOMPLETE_FILE.test(result.stderr)
        ? null
        : classifyErrors(result.code, result.stderr)
    case 'killed':
      return transientFailure('ENCODE_FAILED', `ffmpeg was killed by ${result.signal}; it may have run out of memory`)
    case 'timed_out': {
      const limit = `${Math.round(timeoutMs / 1000)} s`
      return permanentFailure('JOB_TIMEOUT', `encoding exceeded the ${limit} that were left of the job's time limit`)
    }
    case 'missing':
      return transientFailure('ENCODE_FAILED', 'ffmpeg could not be started')
    case 'aborted':
      return { kind: 'aborted' }
  }
}

function classifyErrors(code: number, stderr: string): FailedOrAborted {
  const lines = stderr.split('\n').filter((line) => !NOTICE_LINE.test(line))
  const [firstLine] = lines
  const ownLine = lines.find((line) => !DECODER_LINE.test(line))
  const message = ownLine === undefined ? undefined : cleanLine(ownLine)
  if (saysDiskFull(stderr)) return transientFailure('ENOSPC', 'no space is left on the disk for the output')
  if (MACHINE_ERROR.test(stderr))
    return transientFailure(
      'ENCODE_FAILED',
      message === undefined ? 'the worker ran out of a system resource' : describeFailure(code, message),
    )
  const inputError = INPUT_ERRORS.find(({ pattern }) => pattern.test(stderr))
  if (inputError !== undefined) {
    const cause = lines.find((line) => inputError.pattern.test(line)) ?? ''
    return permanentFailure('INPUT_INVALID', `${inputError.meaning} (ffmpeg: ${cleanLine(cause)})`)
  }
  if (message !== undefined || firstLine === undefined)
    return permanentFailure('ENCODE_FAILED', describeFailure(code, message))
  return permanentFailure('ENCODE_FAILED', `ffmpeg failed; the input may be damaged (ffmpeg: ${cleanLine(firstLine)})`)
}

/** Describes a failure in words, around the line or the number that ffmpeg left. */
function describeFailure(code: number, message: string | undefined): string {
  return message === undefined
    ? `ffmpeg ended without an error message (exit code ${code})`
    : `ffmpeg could not encode the input: ${message}`
}

/** Removes memory addresses and local paths from a line of ffmpeg's. */
function cleanLine(line: string): string {
  return line.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').replaceAll(/file:\S+/g, 'input')
}
