import { runProgram } from '../../platform/run-program.ts'
import type { Environment } from './environment.ts'
import { fault, type Finding } from './findings.ts'
import type { Input } from './input.ts'
import { reasonOf } from './media.ts'

/** Decoding keeps up with playing even on a fraction of a core: what takes longer than this will not end. */
const PLAYING_TIMES = 4

const STRICTLY = ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-xerror']
/** Each frame as it comes: none is repeated or dropped to even out a rate. */
const TO_NOWHERE = ['-map', '0:v?', '-map', '0:a?', '-fps_mode', 'passthrough', '-f', 'null', '-']

/**
 * Decodes all of it, picture and sound, and gives up at the first error (`-xerror`); a decoder that hides a fault says
 * so on stderr, which is one too. Takes the time that one program may, or four times that of playing. Throws where the
 * signal aborts.
 */
export async function checkDecoding(input: Input, environment: Environment, file: string): Promise<readonly Finding[]> {
  const { tools, settings, signal, set, plan } = environment
  const timeoutMs = Math.max(settings.timeoutMs, plan.durationSec * 1000 * PLAYING_TIMES)
  const args = [...STRICTLY, ...input.args, ...TO_NOWHERE]
  const stdin = [Buffer.from(input.stdin)]
  const result = await runProgram(tools.ffmpegPath, args, {
    timeoutMs,
    signal,
    cwd: set.dir,
    input: stdin,
  })
  signal.throwIfAborted()
  if (result.kind === 'exited' && result.code === 0 && result.stderr.trim() === '') return []
  return [fault('DECODE_ERROR', file, `a full decode ${reasonOf(result, timeoutMs)}`)]
}
