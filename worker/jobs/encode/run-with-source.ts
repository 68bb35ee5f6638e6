import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { type ProgramOptions, type ProgramResult, runProgram } from '../../platform/run-program.ts'
import { type ProgramExit, type RunningProgram, startProgram } from '../../platform/start-program.ts'

type PipedOptions = Omit<ProgramOptions, 'input' | 'source'> & {
  /** Arguments of the run that writes to its file descriptor 3 what the main run reads; `null` for none. */
  readonly sourceArgs: readonly string[] | null
}

/**
 * Runs a program that reads from another run of the same program. The result is that of the main run, except where its
 * source has failed before: then the main run is ended, and the result is the source's, which is the cause. The source ends
 * with the main run.
 */
export async function runWithSource(
  file: string,
  args: readonly string[],
  { sourceArgs, ...options }: PipedOptions,
): Promise<ProgramResult> {
  if (sourceArgs === null) return runProgram(file, args, options)
  if (options.signal.aborted) return { kind: 'aborted' }
  await using source = startProgram(file, sourceArgs, { pipes: 1, limits: PROGRAM_LIMITS.encoder })
  const [pipe] = source.pipes
  if (pipe === undefined) return { kind: 'missing' }
  // Without it, an encoder goes on to the end of the picture, and its output is of no use.
  const broken = new AbortController()
  pipe.once('end', () => void findFailure(source).then((failure) => (failure === null ? null : broken.abort())))
  const signal = AbortSignal.any([options.signal, broken.signal])
  const result = await runProgram(file, args, { ...options, source: pipe, signal })
  const failure = pipe.readableEnded ? await findFailure(source) : null
  return failure === null || options.signal.aborted || result.kind === 'timed_out' ? result : withCause(result, failure)
}

/** Returns how a source that has ended by itself has failed; `null` for success. */
async function findFailure({ exited }: RunningProgram): Promise<ProgramExit | null> {
  const exit = await exited
  return exit.kind === 'exited' && exit.code === 0 ? null : exit
}

function withCause(result: ProgramResult, failure: ProgramExit): ProgramResult {
  if (failure.kind !== 'exited') return failure
  const { code, stderr } = failure
  const [stdout, mainErrors] = result.kind === 'exited' ? [result.stdout, result.stderr] : ['', '']
  return { kind: 'exited', code, stdout, stderr: stderr + mainErrors, pipes: [] }
}
