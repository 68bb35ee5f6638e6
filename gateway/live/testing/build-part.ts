import type { PartEvent } from '../../../shared/contract/live.ts'

/** Builds the announcement of a part of segment `n`, which lasts 2 s as all segments do. */
export const buildPart = (n: number, number: number, more: Partial<PartEvent> = {}): PartEvent => ({
  epoch: 1,
  run: 1,
  n,
  part: number,
  rung: '360',
  duration_sec: 1 / 3,
  is_independent: number === 0,
  program_date_time: new Date(Date.UTC(2026, 0, 1) + n * 2000).toISOString(),
  ...more,
})
