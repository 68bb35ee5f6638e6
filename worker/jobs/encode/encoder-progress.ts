/** Progress of an encoder as ffmpeg reports it; `null` for a value that it does not know yet. */
export type EncoderProgress = {
  /** Media time that has been written. */
  readonly outTimeSec: number
  readonly fps: number | null
  /** Media time per wall-clock time. */
  readonly speed: number | null
}

/** One progress report. `position` changes with each further frame, sample or byte. */
export type ProgressReport = { readonly progress: EncoderProgress; readonly position: string }

/**
 * Creates a parser of ffmpeg's `-progress` output: blocks of `key=value` lines, each closed by a line `progress=…`.
 * The parser accepts text in pieces of any size, and returns the reports that each piece completes.
 */
export function createProgressParser(): (text: string) => readonly ProgressReport[] {
  let rest = ''
  let values = new Map<string, string>()
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    const reports: ProgressReport[] = []
    for (const line of lines) {
      const [key = '', value = ''] = line.split('=', 2).map((part) => part.trim())
      values.set(key, value)
      if (key !== 'progress') continue
      reports.push(toReport(values))
      values = new Map()
    }
    return reports
  }
}

function toReport(values: ReadonlyMap<string, string>): ProgressReport {
  const number = (key: string) => {
    const value = Number.parseFloat(values.get(key) ?? '')
    return Number.isFinite(value) ? value : null
  }
  return {
    progress: {
      outTimeSec: Math.max(0, (number('out_time_us') ?? 0) / 1e6),
      fps: number('fps'),
      speed: number('speed'),
    },
    position: ['out_time_us', 'frame', 'total_size'].map((key) => values.get(key)).join(' '),
  }
}
