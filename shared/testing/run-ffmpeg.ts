import { execa } from 'execa'

/**
 * Runs ffmpeg until it exits.
 * @throws Error with ffmpeg's stderr where it fails, is missing, or takes longer than `timeoutMs`
 */
export async function runFfmpeg(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly cwd?: string; readonly signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, cwd, signal } = options
  const result = await execa(program, args, {
    stdin: 'ignore',
    stdout: 'ignore',
    timeout: timeoutMs,
    reject: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  })
  if (result.failed) throw new Error(`${program} failed: ${result.stderr || result.shortMessage}`)
}
