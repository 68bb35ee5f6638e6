/** One figure beside its reference from the same run. */
export type BenchResult = {
  readonly name: string
  readonly ours: string
  readonly compared: string
  readonly ratio: number
  /** Expected ratio, as text. */
  readonly goal: string
}

/** Formats results as the Markdown table of gateway/docs/benchmarks.md. */
export function formatTable(results: readonly BenchResult[]): string {
  const lines = results.map(
    ({ name, ours, compared, ratio, goal }) => `| ${name} | ${ours} | ${compared} | ${ratio.toFixed(2)} | ${goal} |`,
  )
  return ['| what | Tallylight | compared with | ratio | goal |', '| --- | --- | --- | --- | --- |', ...lines].join(
    '\n',
  )
}
