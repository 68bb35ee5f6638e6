/** How far ffmpeg is, by its own account; what it does not know yet is `null`. */
export type EncoderProgress = {
  /** Media time that is written. */
  readonly outTimeSec: number
  readonly fps: number | null
  /** Media time per wall-clock time. */
  readonly speed: number | null
}

/** `mark` changes whenever ffmpeg has got on at all: a frame, a sample or a byte further. */
export type ProgressBlock = { readonly progress: EncoderProgress; readonly mark: string }

/**
 * Reads what `-progress` writes, which may come in pieces of any size: blocks of `key=value` lines, each closed by a
 * line `progress=…`. The function that it gives takes a piece, and returns the blocks that are complete with it.
 */
export function progressReader(): (text: string) => readonly ProgressBlock[] {
  let rest = ''
  let values = new Map<string, string>()
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    const blocks: ProgressBlock[] = []
    for (const line of lines) {
      const [key = '', value = ''] = line.split('=', 2).map((part) => part.trim())
      values.set(key, value)
      if (key !== 'progress') continue
      blocks.push(toBlock(values))
      values = new Map()
    }
    return blocks
  }
}

function toBlock(values: ReadonlyMap<string, string>): ProgressBlock {
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
    mark: ['out_time_us', 'frame', 'total_size'].map((key) => values.get(key)).join(' '),
  }
}
