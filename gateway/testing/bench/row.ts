/** One figure beside what it is compared with in the same run. */
export type Row = {
  readonly name: string
  readonly ours: string
  readonly compared: string
  readonly ratio: number
  /** What the ratio should be, in words. */
  readonly goal: string
}

/** The rows as a Markdown table, as the README shows them. */
export function toTable(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ name, ours, compared, ratio, goal }) => `| ${name} | ${ours} | ${compared} | ${ratio.toFixed(2)} | ${goal} |`,
  )
  return ['| what | Tallylight | compared with | ratio | goal |', '| --- | --- | --- | --- | --- |', ...lines].join(
    '\n',
  )
}
