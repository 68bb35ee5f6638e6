import { runProgram } from '../../platform/run-program.ts'
import type { FfmpegInput } from './ffmpeg-input.ts'
import { errorFinding, type Finding } from './findings.ts'
import { describeFailure } from './probe-output.ts'
import type { ValidationContext } from './validation-context.ts'

/** Limit of a full decode as a multiple of the output's duration. Even a fraction of a CPU core decodes in real time. */
const MAX_DECODE_FACTOR = 4

const STRICT = ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-xerror']
/** Discards all frames. `passthrough` neither repeats nor drops frames. */
const TO_NULL = ['-map', '0:v?', '-map', '0:a?', '-fps_mode', 'passthrough', '-f', 'null', '-']

/**
 * Checks an input by a full decode of video and audio. ffmpeg stops at the first error (`-xerror`); output on stderr is an
 * error too, because some decoders conceal errors and only log them.
 * @throws the signal's reason once it aborts
 */
export async function checkDecoding(
  input: FfmpegInput,
  { tools, settings, signal, set, plan }: ValidationContext,
  file: string,
): Promise<readonly Finding[]> {
  const timeoutMs = Math.max(settings.timeoutMs, plan.durationSec * 1000 * MAX_DECODE_FACTOR)
  const result = await runProgram(tools.ffmpegPath, [...STRICT, ...input.args, ...TO_NULL], {
    timeoutMs,
    signal,
    cwd: set.dir,
    input: [Buffer.from(input.stdin)],
  })
  signal.throwIfAborted()
  if (result.kind === 'exited' && result.code === 0 && result.stderr.trim() === '') return []
  return [errorFinding('DECODE_ERROR', file, `a full decode ${describeFailure(result, timeoutMs)}`)]
}
